"""How often one may try to log in: guessing is slow, and a stranger's guesses do not lock the owner out."""

from collections import OrderedDict
from datetime import timedelta

from teleconsult.clock import Clock
from teleconsult.http.limits import RateLimit

_MOST_HOMES = 20_000


class Tries:
    """Counts wrong tries by address, by login, and by both; right ones do not count.

    A whole hospital shares one address, so log-ins that go well give their try back. From an address where a login has
    gone well before, strangers' tries at the same login elsewhere do not count against it.
    """

    def __init__(self, clock: Clock) -> None:
        self._by_address = RateLimit(clock, times=60, per=timedelta(minutes=10))
        self._by_both = RateLimit(clock, times=8, per=timedelta(minutes=10))
        self._by_login = RateLimit(clock, times=60, per=timedelta(hours=1))
        self._homes: OrderedDict[str, None] = OrderedDict()

    def begin(self, address: str, login: str) -> None:
        """Count a try, before anything is hashed.

        Raises:
            TooMany: Too many went wrong.
        """
        both = f"{address} {login}"
        self._by_both.take(both)
        self._by_address.take(address)
        if both not in self._homes:
            self._by_login.take(login)

    def went_well(self, address: str, login: str) -> None:
        """The password was right."""
        both = f"{address} {login}"
        self._by_both.forget(both)
        self._by_address.give_back(address)
        if both not in self._homes:
            self._by_login.give_back(login)
        self._homes[both] = None
        self._homes.move_to_end(both)
        while len(self._homes) > _MOST_HOMES:
            self._homes.popitem(last=False)
