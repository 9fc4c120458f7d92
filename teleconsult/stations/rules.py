"""Which machine a name and an address are. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol, TypeVar

from teleconsult.errors import FieldsRefused
from teleconsult.http.bodies import N_

NAME_MOST = 64
_LATIN = 0x20, 0x7E


class Machine(Protocol):
    """What is judged of a registered machine."""

    @property
    def name(self) -> str:
        """AE title or sending application."""

    @property
    def network(self) -> str:
        """Where it may call from."""


MachineT = TypeVar("MachineT", bound=Machine)


def normal_name(text: str) -> str:
    """An AE title or HL7 sending application, blanks around it cut.

    Raises:
        FieldsRefused: Empty, too long, or with characters no machine sends.

    Source: DICOM PS3.5 6.2 (AE); HL7 v2 MSH-3.
    """
    name = text.strip()
    if not name:
        raise FieldsRefused({"aet": "Please write the machine's AE title or sending application."})
    if len(name) > NAME_MOST or "\\" in name or any(not _LATIN[0] <= ord(letter) <= _LATIN[1] for letter in name):
        raise FieldsRefused({"aet": "A machine's name has at most 64 plain Latin letters, digits and signs."})
    return name


def normal_network(text: str) -> str:
    """An address or network in its normal form: `10.2.0.7`, `10.2.0.0/16`.

    Raises:
        FieldsRefused: Neither.
    """
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        wrong = N_("Please write an address like 10.2.0.7 or a network like 10.2.0.0/16.")
        raise FieldsRefused({"host": wrong}) from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def covers(network: str, address: str) -> bool:
    """Whether an address lies in a network; an address that cannot be read lies nowhere."""
    try:
        where, whole = _plain(ip_address(address)), ip_network(network)
    except ValueError:
        return False
    return where.version == whole.version and where in whole


def is_loopback(address: str) -> bool:
    """Whether only this machine has the address."""
    try:
        return _plain(ip_address(address)).is_loopback
    except ValueError:
        return False


def single_address(network: str) -> str | None:
    """The address of a machine that has one, None for a network: nothing can be sent there."""
    whole = ip_network(network)
    return str(whole.network_address) if whole.num_addresses == 1 else None


def chosen(machines: Iterable[MachineT], name: str, address: str) -> MachineT | None:
    """The machine that calls: of those that fit, the one whose network is smallest."""
    fitting = [one for one in machines if one.name == name.strip() and covers(one.network, address)]
    return max(fitting, key=lambda one: ip_network(one.network).prefixlen, default=None)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that came over an IPv6 socket is that IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
