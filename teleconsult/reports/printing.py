"""From a case and its opinion to the sheet that is printed. Pure: every word on the paper is chosen here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from teleconsult.consults.state import Kind, Mode, Priority
from teleconsult.consults.views import ConsultView
from teleconsult.people.rules import age_on
from teleconsult.people.state import Sex
from teleconsult.reports.rules import Chosen, Content
from teleconsult.reports.sheet import LabPanel, Part, Person, Picture, Sheet, moment, qr_svg
from teleconsult.reports.state import Finding

_KINDS = {Kind.CLINICAL: "远程会诊", Kind.IMAGING: "远程影像诊断", Kind.ECG: "远程心电诊断", Kind.MDT: "多学科会诊"}
_MODES = {Mode.LIVE: "实时", Mode.ASYNCHRONOUS: "离线"}
_PRIORITIES = {Priority.ROUTINE: "", Priority.URGENT: "加急", Priority.EMERGENCY: "紧急"}
_SEXES = {Sex.MALE: "男", Sex.FEMALE: "女", Sex.OTHER: "其他", Sex.UNKNOWN: "未知"}
_FINDINGS = {Finding.POSITIVE: "阳性", Finding.NEGATIVE: "阴性", Finding.UNSTATED: ""}
AUTHOR, AUDITOR = "会诊专家", "审核医师"
_WIDE = "\u3000"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What signing adds.

    Attributes:
        check_url: Where the code is checked; stands in the QR code.
    """

    version: int
    code: str
    signed_at: datetime
    check_url: str
    replaces: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Opinion:
    """All that is printed beside the case itself."""

    content: Content
    images: Sequence[Chosen]
    labs: Sequence[LabPanel]
    people: Sequence[Person]
    institution: str


def sheet_of(view: ConsultView, opinion: Opinion, stamp: Stamp | None, zone: str) -> Sheet:
    """The sheet.

    Args:
        view: The case.
        opinion: What is said about it, by whom.
        stamp: None for a draft: it gets a watermark and no code.
        zone: The site's time zone, by its IANA name.
    """
    content = opinion.content
    version = f"第 {stamp.version} 版" if stamp else "草稿"
    return Sheet(
        institution=opinion.institution,
        kind=_WIDE.join(filter(None, (_KINDS[view.kind], _MODES[view.mode], _PRIORITIES[view.priority]))),
        number=f"会诊编号 {view.number}{_WIDE}{version}",
        foot=f"{view.number}{_WIDE}{version}"
        + (f"{_WIDE}验证码 {stamp.code}" if stamp else f"{_WIDE}未签署，不作为诊疗依据"),
        facts=_facts(view, zone),
        before=_parts(("会诊目的", view.question), ("病史摘要", view.history), ("初步诊断", view.working_diagnosis)),
        after=_parts(
            ("所见", content.findings),
            ("意见", content.opinion),
            ("建议", content.suggestion),
            ("结果性质", _FINDINGS[content.finding]),
        ),
        people=tuple(opinion.people),
        notice=_notice(stamp),
        labs=tuple(opinion.labs),
        measurements=tuple((each.name, each.value, each.place) for each in content.measurements),
        images=tuple(_picture(place, each) for place, each in enumerate(opinion.images, start=1)),
        signed_at=moment(stamp.signed_at, zone) if stamp else "",
        code=stamp.code if stamp else "",
        qr=qr_svg(stamp.check_url) if stamp else "",
        watermark="" if stamp else "草稿　未签署",
    )


def file_name(number: str, version: int | None) -> str:
    """A name that says what the file is and nothing of the patient."""
    return f"{number}-v{version}.pdf" if version else f"{number}-draft.pdf"


def _facts(view: ConsultView, zone: str) -> tuple[tuple[str, str], ...]:
    patient = view.patient
    asked_at = view.submitted_at or view.created_at
    local = asked_at.astimezone(ZoneInfo(zone))
    rows = []
    if patient is not None:
        age = f"{age_on(patient.birth_date, local.date())} 岁" if patient.birth_date else "未知"
        born = f"（{patient.birth_date:%Y-%m-%d}）" if patient.birth_date else ""
        rows = [
            ("姓名", patient.name),
            ("性别", _SEXES.get(Sex(patient.sex), "未知") if patient.sex in set(Sex) else "未知"),
            ("年龄", age + born),
            ("身份证尾号", patient.id_number_last4 or "未登记"),
        ]
    return (
        *rows,
        ("申请机构", view.institution.name),
        ("申请医生", view.requester.name),
        ("申请时间", f"{local:%Y-%m-%d %H:%M}"),
        ("受邀机构", view.target_institution.name if view.target_institution else ""),
    )


def _parts(*parts: tuple[str, str]) -> tuple[Part, ...]:
    return tuple(Part(title, text) for title, text in parts if text.strip())


def _notice(stamp: Stamp | None) -> str:
    if stamp is None or not stamp.replaces:
        return ""
    reason = f"原因：{stamp.reason}" if stamp.reason else ""
    return f"本版为更正意见，取代第 {stamp.replaces} 版。{reason}"


def _picture(place: int, image: Chosen) -> Picture:
    parts = [f"图 {place}", f"第 {image.frame} 帧" if image.frame > 1 else ""]
    if image.window_center is not None and image.window_width is not None:
        parts.append(f"W {image.window_width:g}  L {image.window_center:g}".replace("-", "−"))
    parts.append(image.note)
    return Picture(_WIDE.join(filter(None, parts)), f"关键图像 {place}")
