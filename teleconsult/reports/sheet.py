"""What stands on the printed opinion, as plain data. Pure: words and order are decided here, looks in `opinion.typ`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import segno

TITLE = "远程会诊意见书"
STATEMENT = "本意见由受邀方专家出具，供申请方参考；诊疗决定由申请方医疗机构作出并承担责任。"
WORDS = {
    "page": "第 {n} 页，共 {m} 页",
    "labs": "检验结果",
    "measurements": "测量",
    "images": "关键图像",
    "signed_at": "签署时间",
    "code": "验证码",
    "check": "扫描二维码，或在验证页上传本文件，可核对签名与内容；任何改动都会使签名失效。",
    "qr": "验证二维码",
}
LAB_COLUMNS = ("项目", "结果", "单位", "参考范围", "提示")


@dataclass(frozen=True, slots=True)
class Part:
    """A titled text; its line breaks are kept."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers for the opinion."""

    role: str
    name: str
    title: str
    institution: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A key image's words; its bytes travel beside the sheet, in the same order."""

    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class LabRow:
    """Name, value, unit, range, flag."""

    cells: tuple[str, str, str, str, str]
    critical: bool = False


@dataclass(frozen=True, slots=True)
class LabPanel:
    """A table of results."""

    title: str
    rows: tuple[LabRow, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole document.

    Attributes:
        facts: Name and value, two pairs a line.
        before: Question and history; `after` is what the specialist wrote.
        notice: Boxed in red above all: that this version amends another.
        code: Verification code, "" on a draft.
        qr: SVG, "" on a draft.
        watermark: "" on a signed sheet.
    """

    institution: str
    kind: str
    number: str
    foot: str
    facts: tuple[tuple[str, str], ...]
    before: tuple[Part, ...]
    after: tuple[Part, ...]
    people: tuple[Person, ...]
    notice: str = ""
    labs: tuple[LabPanel, ...] = ()
    measurements: tuple[tuple[str, str, str], ...] = ()
    images: tuple[Picture, ...] = ()
    signed_at: str = ""
    code: str = ""
    qr: str = ""
    watermark: str = ""
    title: str = TITLE
    statement: str = STATEMENT
    words: dict[str, str | Sequence[str]] = field(default_factory=lambda: {**WORDS, "lab_columns": LAB_COLUMNS})


def qr_svg(text: str) -> str:
    """A QR code as SVG, error level M: 15 % may be stained."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False)
    return out.getvalue().decode()


def moment(at: datetime, zone: str) -> str:
    """A moment in the site's time zone, with its offset: a stranger reads it too."""
    local = at.astimezone(ZoneInfo(zone))
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S}（UTC{offset[:3]}:{offset[3:]}）"
