"""Builds the sample county in an empty clinic and says what the demo prints."""

import secrets
from typing import Any

from teleconsult.actor import SYSTEM
from teleconsult.app import Clinic
from teleconsult.sample.cases import build_cases
from teleconsult.sample.town import build_town, logins, tokens

WORDS = {
    "requester": "申请医生 requester",
    "specialist": "专家 specialist",
    "coordinator": "会诊调度 coordinator",
    "admin": "管理员 administrator",
    "other_requester": "另一家卫生院 another clinic",
}


async def build(clinic: Clinic) -> dict[str, Any]:
    """Fill the clinic.

    Returns:
        `tokens`, `samples`, `links` (words -> path), `keys` (key of a link -> login), the people's `password`, and
        `stations`, the institution whose machines the demo lets in.
    """
    town = await build_town(clinic)
    sample = await build_cases(clinic, town)
    keys = {secrets.token_urlsafe(18): login for login in logins().values()}
    by_login = {login: key for key, login in keys.items()}
    bearers = await tokens(clinic, town)
    bearers["patient"] = await clinic.access.make_patient_token(SYSTEM, sample.patient, "sample")
    while await clinic.bus.relay_once():
        pass
    return {
        "tokens": bearers,
        "samples": {"consult": sample.consult, "study_uid": sample.study_uid},
        "links": {WORDS[role]: f"/demo/{by_login[login]}" for role, login in logins().items()},
        "keys": keys,
        "password": town.password,
        "stations": town.institutions["qingshi"],
    }
