"""One-time codes where no message can be sent: whoever made the link reads the code out to the patient by telephone.

It is also how the demo shows them. A site with a message service puts a sender of its own in this one's place.
"""

from teleconsult.access.ports import CodeToSend
from teleconsult.http.bodies import N_
from teleconsult.notifications.ports import Notice
from teleconsult.notifications.service import Notifications


class ReadOut:
    """Implements `access.ports.CodeSender` by a notice to the staff."""

    by_staff = True

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    async def send_code(self, given: CodeToSend) -> None:
        """See the port."""
        text = N_("The patient asks for a code: {code}. Read it out to nobody else; it counts for 10 minutes.")
        notice = Notice("patient.code", text, given.path, (("code", given.code),), loud=True)
        await self._notifications.tell([given.told], given.subject, given.occasion, notice)
