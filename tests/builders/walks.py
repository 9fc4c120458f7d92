"""A case through the public API, as scripts do it: films by tus, labs, moves, a report; everything by HTTP."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.builders import films
from tests.builders.county import Api, County, until

REPORT = {"findings": "右肺上叶见结节影。", "opinion": "建议穿刺活检。", "suggestion": "三个月后复查。"}
TUS = {"Tus-Resumable": "1.0.0"}


def log_in(demo: County, login: str) -> requests.Session:
    """A browser without scripts: cookies, and the token of its pages in a header."""
    session = requests.Session()
    shown = session.get(f"{demo.url}/login")
    given = {"login": login, "password": demo.password, "next": "/"}
    session.post(shown.url, data=given, allow_redirects=False).raise_for_status()
    page = session.get(f"{demo.url}/account").text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    session.headers["X-CSRF-Token"] = found[1]
    return session


def token_of(demo: County, login: str) -> str:
    """A bearer token for anybody of the county."""
    with log_in(demo, login) as session:
        answer = session.post(
            f"{demo.url}/api/v1/me/tokens", json={"label": "tests", "password": demo.password}, timeout=30
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


def upload(api: Api, content: bytes, reference: str = "", name: str = "film.dcm") -> str:
    """A file by tus in one piece; the path of the upload."""
    words = {"filename": name, "reference": reference}
    metadata = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in words.items() if text)
    headers = {
        **TUS,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": metadata,
        "Content-Type": "application/offset+octet-stream",
    }
    answer = api.call("POST", "/uploads", headers=headers, data=content)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def state(api: Api, consult: str) -> dict[str, Any]:
    return dict(api.good("GET", f"/api/v1/consults/{consult}"))


def move(api: Api, consult: str, name: str, **needs: object) -> Any:
    """One move over the version that is there."""
    version = state(api, consult)["version"]
    body = {"move": name, "version": version, **needs}
    return api.good("POST", f"/api/v1/consults/{consult}/moves", body)


def draft(doctor: Api, name: str = "冯长顺", **more: object) -> tuple[str, str]:
    """A patient and a complete draft; their ids."""
    person = {"name": name, "sex": "male", "birth_date": "1966-05-01", "allergies": ""}
    patient = doctor.good("POST", "/api/v1/patients", person)["id"]
    places = doctor.good("GET", "/api/v1/institutions")["items"]
    hospital = next(one["id"] for one in places if one["name"] == "云川市第一人民医院")
    body = {
        "patient_id": patient,
        "question": "结节性质？",
        "history": "咳嗽两周。",
        "target_institution_id": hospital,
        "anticoagulants": "no",
        "consent_how": "paper",
        "consent_by": "patient",
        "incomplete_reason": "其余检查本院无条件完成。",
        **more,
    }
    return patient, doctor.good("POST", "/api/v1/consults", body)["id"]


@dataclass
class Case:
    """A consult with everything that belongs to it."""

    consult: str
    patient: str
    study: str
    series: str
    instance: str
    upload: str
    lab: str
    material: str
    image: str = ""
    code: str = ""
    more: dict[str, str] = field(default_factory=dict)


def case(demo: County, doctor: Api, specialist: Api, *, signed: bool) -> Case:
    """A consult with films, labs, messages and a report, signed or on the way."""
    patient, consult = draft(doctor)
    content = films.film(64, PatientName="Feng^Changshun")
    study, series, instance = films.uids(content)
    made = Case(consult, patient, study, series, instance, upload(doctor, content, consult), "", "")
    labs = {"title": "血常规", "results": [{"name": "白细胞", "value": "12.1", "unit": "10*9/L", "range": "3.5-9.5"}]}
    made.lab = doctor.good("POST", f"/api/v1/consults/{consult}/labs", labs)["id"]
    materials = f"/api/v1/consults/{consult}/materials"
    until(lambda: study in {one["reference"] for one in doctor.good("GET", materials)["items"]})
    made.material = next(one["id"] for one in doctor.good("GET", materials)["items"] if one["reference"] == study)
    move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
    me = specialist.good("GET", "/api/v1/me")["id"]
    move(demo.api("coordinator"), consult, "assign", specialist_id=me)
    doctor.good("POST", f"/api/v1/consults/{consult}/messages", {"text": "请尽快。"})
    move(specialist, consult, "accept")
    move(specialist, consult, "begin_report")
    image = {"study_uid": study, "series_uid": series, "instance_uid": instance, "frame": 1, "note": "结节"}
    made.image = specialist.good("POST", f"/api/v1/consults/{consult}/key-images", image)["id"]
    saved = specialist.good("PUT", f"/api/v1/consults/{consult}/report", {**REPORT, "version": 0})
    if signed:
        body = {"version": saved["version"], "password": demo.password}
        made.code = specialist.good("POST", f"/api/v1/consults/{consult}/report/sign", body)["code"]
    return made
