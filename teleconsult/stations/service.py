"""`Stations`: registering machines, and saying which one calls. One transaction a use case."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from teleconsult.access.rules import permissions_of
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId, Permission
from teleconsult.audit.trail import note
from teleconsult.db import Database, new_id
from teleconsult.errors import Conflict, FieldsRefused, NotFound
from teleconsult.people.models import Institution
from teleconsult.people.rights import need, need_at
from teleconsult.people.state import Role
from teleconsult.stations import rules
from teleconsult.stations.models import Station

_MOST = 500
_PORT_MOST = 65535
_SEEN_EVERY = timedelta(minutes=10)
"""How exact "last seen" is: a scanner that opens an association for each film must not write a row for each."""


@dataclass(frozen=True, slots=True)
class StationFields:
    """A new machine.

    Attributes:
        aet: AE title, or sending application of an HL7 sender.
        host: Address or network it calls from.
        port: Where it takes films itself (C-MOVE), None if it does not.
        label: What people call it.
    """

    aet: str
    host: str
    port: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class StationView:
    """A machine for showing."""

    id: str
    institution: str
    name: str
    network: str
    port: int | None
    label: str
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenHouse:
    """What the demo lets in: any machine of these networks is a machine of one institution.

    Attributes:
        institution: Its id.
        networks: Where machines may call from, beside loopback.
        peer: AE title of the one place films may be sent to, which listens on this machine.
        peer_port: Its port.
    """

    institution: str
    networks: tuple[str, ...]
    peer: str
    peer_port: int

    def lets_in(self, address: str) -> bool:
        """Whether a machine at this address is taken."""
        return rules.is_loopback(address) or any(rules.covers(network, address) for network in self.networks)


class Stations:
    """The machines of all institutions.

    Args:
        database: Where they are registered.
        open_house: The demo's rule, None on a real site.
    """

    def __init__(self, database: Database, open_house: OpenHouse | None = None) -> None:
        self._database = database
        self._open_house = open_house

    def open_to(self, house: OpenHouse) -> None:
        """Take the demo's rule."""
        self._open_house = house

    async def add(self, actor: Actor, institution: str, fields: StationFields) -> StationView:
        """Register a machine.

        Raises:
            FieldsRefused: Its name, address or port cannot be.
            Conflict: A machine of this name and address is registered, here or elsewhere.
        """
        need_at(actor, Permission.SETTINGS_WRITE, institution)
        kept = _checked(fields)
        try:
            async with self._database.write(actor) as work:
                if await work.session.get(Institution, institution) is None:
                    raise NotFound
                row = Station(
                    id=new_id(), institution_id=institution, name=kept.aet, network=kept.host, port=kept.port,
                    label=kept.label, created_at=work.at, created_by=actor.id, last_seen_at=None,
                )  # fmt: skip
                work.session.add(row)
                note(work, "station.add", f"station/{row.id}", detail={"name": kept.aet, "network": kept.host})
        except IntegrityError:
            raise Conflict("A machine of this name and address is registered already.", code="station_exists") from None
        return _view(row)

    async def remove(self, actor: Actor, station: str) -> None:
        """Take a machine off: what it sends from now on is refused; what it sent stays."""
        need(actor, Permission.SETTINGS_WRITE)
        async with self._database.write(actor) as work:
            row = await work.session.get(Station, station)
            if row is None or (actor.kind is not ActorKind.SYSTEM and row.institution_id != actor.institution):
                raise NotFound
            await work.session.delete(row)
            note(work, "station.remove", f"station/{station}", detail={"name": row.name, "network": row.network})

    async def listed(self, actor: Actor) -> list[StationView]:
        """The machines of the actor's institution, of all for the house itself."""
        need(actor, Permission.SETTINGS_WRITE)
        wanted = select(Station).order_by(Station.name, Station.network).limit(_MOST)
        if actor.kind is not ActorKind.SYSTEM:
            wanted = wanted.where(Station.institution_id == actor.institution)
        async with self._database.read() as session:
            return [_view(row) for row in await session.scalars(wanted)]

    async def identify(self, name: str, address: str) -> Actor | None:
        """Which machine calls, None for one that nobody registered."""
        async with self._database.read() as session:
            named = await session.scalars(
                select(Station)
                .join(Institution, Institution.id == Station.institution_id)
                .where(Station.name == name.strip(), Institution.active)
                .limit(_MOST)
            )
            row = rules.chosen(list(named), name, address)
        if row is not None:
            await self._seen(row)
            return _actor(row.id, row.label or row.name, row.institution_id, address)
        house = self._open_house
        if house is not None and house.lets_in(address):
            return _actor(f"station:{name.strip()[:40]}", name.strip()[:40], house.institution, address)
        return None

    async def place_of(self, name: str) -> tuple[str, int] | None:
        """Where a registered machine takes films, None for one that takes none."""
        house = self._open_house
        if house is not None and name.strip() == house.peer:
            return "127.0.0.1", house.peer_port
        async with self._database.read() as session:
            asked = select(Station).where(Station.name == name.strip(), Station.port.is_not(None)).limit(_MOST)
            found = list(await session.scalars(asked))
        places = [(host, row.port) for row in found if (host := rules.single_address(row.network)) and row.port]
        # Two machines of one name: nobody can say which is meant, and films of patients are not sent on a guess.
        return places[0] if len(places) == 1 else None

    async def _seen(self, row: Station) -> None:
        now = self._database.clock.now()
        if row.last_seen_at is not None and now - row.last_seen_at < _SEEN_EVERY:
            return
        async with self._database.write(SYSTEM) as work:
            await work.session.execute(update(Station).where(Station.id == row.id).values(last_seen_at=now))


def _checked(fields: StationFields) -> StationFields:
    wrong: dict[str, str] = {}
    name = network = ""
    try:
        name = rules.normal_name(fields.aet)
    except FieldsRefused as error:
        wrong |= error.errors
    try:
        network = rules.normal_network(fields.host)
    except FieldsRefused as error:
        wrong |= error.errors
    if fields.port is not None and not 1 <= fields.port <= _PORT_MOST:
        wrong["port"] = "A port is a number from 1 to 65535."
    elif fields.port is not None and network and rules.single_address(network) is None:
        wrong["port"] = "Films can be sent to one address only, not to a network."
    if wrong:
        raise FieldsRefused(wrong)
    return StationFields(name, network, fields.port, fields.label.strip()[:80])


def _actor(station: str, name: str, institution: str, address: str) -> Actor:
    roles = frozenset({str(Role.STATION)})
    return Actor(
        station, name, ActorKind.STATION, InstitutionId(institution), roles, permissions_of(roles), address=address
    )


def _view(row: Station) -> StationView:
    return StationView(row.id, row.institution_id, row.name, row.network, row.port, row.label, row.last_seen_at)
