"""Builds the sample county in an empty clinic and says what the demo prints."""

import secrets
from datetime import timedelta
from typing import Any

from teleconsult.actor import SYSTEM
from teleconsult.app import Clinic
from teleconsult.followups.fields import BookFields
from teleconsult.sample import machines, story
from teleconsult.sample.cases import Cases, Side
from teleconsult.sample.clock import StoryClock
from teleconsult.sample.today import build_today
from teleconsult.sample.town import Town, build_town, logins, tokens

WORDS = {
    "requester": "申请医生 requester",
    "specialist": "专家 specialist",
    "coordinator": "会诊调度 coordinator",
    "admin": "管理员 administrator",
    "other_requester": "另一家卫生院 another clinic",
}
PATIENT = "患者 patient"
"""Comes in by a link; the code stands on the requester's page of notices."""

_VISIT_AFTER = timedelta(hours=20)


async def build(clinic: Clinic, clock: StoryClock) -> dict[str, Any]:
    """Fill the clinic.

    Args:
        clinic: Open, empty, and living by the story's clock.
        clock: Moved on to now.

    Returns:
        `tokens`, `samples`, `links` (words -> path), `keys` (key of a link -> login), the people's `password`, and
        `stations`, the institution whose machines the demo lets in.
    """
    town = await build_town(clinic)
    await machines.register(clinic, town)
    city, liuhe, county = (Cases(clinic, town, clock, side) for side in _sides(town))
    await story.weeks_ago(city)
    await story.this_week(city)
    await story.other_doors(liuhe, county)
    sample = await build_today(city)
    link = await _follow_up(clinic, town, sample.consult)
    await machines.send(clinic, town, clock)
    keys = {secrets.token_urlsafe(18): login for login in logins().values()}
    by_login = {login: key for key, login in keys.items()}
    bearers = await tokens(clinic, town)
    bearers["patient"] = await clinic.access.make_patient_token(SYSTEM, sample.patient, "sample")
    while await clinic.bus.relay_once():
        pass
    return {
        "tokens": bearers,
        "samples": {"consult": sample.consult, "study_uid": sample.study_uid},
        "links": {WORDS[role]: f"/demo/{by_login[login]}" for role, login in logins().items()} | {PATIENT: link},
        "keys": keys,
        "password": town.password,
        "stations": town.institutions["qingshi"],
    }


async def _follow_up(clinic: Clinic, town: Town, consult: str) -> str:
    """A follow-up of the sample's patient, tomorrow; the path of their link."""
    fields = BookFields(
        starts_at=clinic.clock.now() + _VISIT_AFTER,
        reason="结节复查结果，下一步怎么办",
        note_to_patient="把正在吃的药放在手边，到安静、光亮的地方。",
    )
    return (await clinic.followups.book(town.actor("requester"), consult, fields)).link


def _sides(town: Town) -> tuple[Side, Side, Side]:
    """Who asks whom: the first clinic the city's hospital, the second the county's, the county's the city's."""
    staff = town.staff
    return (
        Side(staff["liuxiulan"], staff["chenjinghe"], staff["zhoumin"], "city"),
        Side(staff["zhaoyongqiang"], staff["tangwei"], staff["tangwei"], "county"),
        Side(staff["luoyan"], staff["chenjinghe"], staff["zhoumin"], "city"),
    )
