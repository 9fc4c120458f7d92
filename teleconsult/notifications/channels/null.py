"""The channel of a site that has no other: notices wait in the app."""

from teleconsult.notifications.ports import Notice


class NullChannel:
    """Sends nothing, and says so to nobody."""

    async def send(self, user: str, notice: Notice) -> None:
        """Do nothing."""
