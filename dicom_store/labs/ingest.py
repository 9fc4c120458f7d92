"""The one door for lab reports: judge, keep, answer. The form, HL7 messages and whatever comes later all end here.

Judging fills in what the archive can say for sure (UCUM unit, read range, computed flag) beside what the sender said.
Must not know sockets or HTTP.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo

from dicom_store.errors import LabRefused, NotAllowed, Refused, Unavailable
from dicom_store.labs import flags, hl7, units
from dicom_store.labs.hl7 import Ack, Fault, Message
from dicom_store.labs.model import LabReport, LabReportId, Observation, Status
from dicom_store.labs.oru import reports_of
from dicom_store.labs.store import LabStore, Resent
from dicom_store.model import Door, Origin
from dicom_store.ports import Action, Gatekeeper

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of times that name none: all of China keeps this one, without summer time since 1991."""

# What a refusal is in HL7: (verdict, code of table 0357). AE: the content is wrong, do not send it again.
_HL7_FAULTS: dict[str, tuple[Ack, int]] = {
    "unsupported_type": (Ack.REJECTED, hl7.UNSUPPORTED_TYPE),
    "no_msh": (Ack.REJECTED, hl7.SEQUENCE_ERROR),
    "no_pid": (Ack.ERROR, hl7.SEQUENCE_ERROR),
    "no_obr": (Ack.ERROR, hl7.SEQUENCE_ERROR),
}


def judged(report: LabReport) -> LabReport:
    """A report with everything filled in that the archive can say for sure; what the sender said stays."""
    at = report.collected_at or report.reported_at
    return replace(report, observations=tuple(_judged(each, report, at) for each in report.observations))


def _judged(observation: Observation, report: LabReport, at: datetime | None) -> Observation:
    limits = flags.limits_of(observation.range_text) if observation.range_text else None
    known = units.ucum(observation.unit)
    read = replace(
        observation,
        ucum=known or observation.ucum,
        range_low=limits.low if limits else observation.range_low,
        range_high=limits.high if limits else observation.range_high,
    )
    if read.status in (Status.CANCELLED, Status.WITHDRAWN):
        return read
    computed, source = flags.judge(read, report.patient, read.observed_at or at)
    critical = read.critical or flags.is_critical(read.flags, computed)
    return replace(read, computed=computed, computed_from=source, critical=critical)


class LabIngest:
    """The door. One for each process.

    Args:
        store: Keeps what is let in.
        gatekeeper: Says who sends and where it goes.
        clock: Says the time of the answer.
        zone: Of times that name none.
    """

    def __init__(
        self, store: LabStore, gatekeeper: Gatekeeper, clock: Callable[[], datetime], zone: tzinfo = CHINA
    ) -> None:
        self.store = store
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._zone = zone

    async def accept(self, report: LabReport, origin: Origin, *, replaces: LabReportId | None = None) -> LabReportId:
        """Judge and keep one report. Raises as `LabStore.add` does."""
        return await self.store.add(judged(report), origin, replaces=replaces)

    async def accept_all(
        self, reports: Sequence[LabReport], origin: Origin, resent: Resent | None = None
    ) -> list[LabReportId]:
        """Judge and keep the reports of one message, all or none."""
        return await self.store.add_all([judged(each) for each in reports], origin, resent)

    async def answer(self, raw: bytes, address: str) -> bytes:
        """Take one HL7 message and give its acknowledgement: AA only after the reports are committed.

        Args:
            raw: The message's bytes, without MLLP's frame.
            address: The peer's network address.

        Returns:
            The acknowledgement's bytes, without a frame. There is one whatever happens.
        """
        message: Message | None = None
        try:
            message = hl7.parse(raw)
            await self._take(message, raw, address)
        except LabRefused as refused:
            verdict, code = _HL7_FAULTS.get(refused.code, (Ack.ERROR, hl7.DATA_ERROR))
            return hl7.answer(message or hl7.head_of(raw), verdict, self._clock(), Fault(code, str(refused)))
        except Refused as refused:
            return hl7.answer(message, Ack.REJECTED, self._clock(), Fault(hl7.UNKNOWN_KEY, str(refused)))
        except Unavailable as lost:
            return hl7.answer(message, Ack.REJECTED, self._clock(), Fault(hl7.INTERNAL, lost.message))
        return hl7.answer(message, Ack.ACCEPTED, self._clock())

    async def _take(self, message: Message, raw: bytes, address: str) -> None:
        station = message.head.get(3) or message.head.get(4)
        caller = await self._gatekeeper.identify_station(station, address)
        scope = await self._gatekeeper.scope(caller, Action.STORE)
        if scope.store_into is None:
            raise NotAllowed("This station may not send lab reports.")
        origin = Origin(scope.store_into, Door.MLLP, caller.id)
        # Without a number a message cannot be known again; its reports are then compared by content alone.
        resent = Resent(message.sender, message.control_id, _digest(raw)) if message.control_id else None
        await self.accept_all(reports_of(message, self._zone), origin, resent)


def _digest(raw: bytes) -> bytes:
    """Of all but the MSH segment, whose time changes when a message is sent again.

    The content belongs to the key: analysers that were switched off begin to count their messages anew.
    """
    ends = [place for mark in (b"\r", b"\n") if (place := raw.find(mark)) >= 0]
    return hashlib.sha256(raw[min(ends, default=0) :].strip()).digest()
