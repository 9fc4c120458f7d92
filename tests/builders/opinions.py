"""A sheet as a hospital prints it, a film in one line, and a clock that stands."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from PIL import Image

from teleconsult.reports.sheet import LabPanel, LabRow, Part, Person, Picture, Sheet, moment, qr_svg

NOW = datetime(2026, 11, 23, 6, 7, 8, tzinfo=UTC)


class StandingClock:
    def now(self) -> datetime:
        return NOW


def film(side: int = 512, *, kind: str = "PNG") -> bytes:
    """A grey wedge with a bright disc: a picture as the archive renders it."""
    y, x = np.mgrid[:side, :side]
    pixels = (x * 180 // side + 60 * (((x - side // 2) ** 2 + (y - side // 2) ** 2) < (side // 8) ** 2)).astype("uint8")
    out = BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def sheet(**changes: object) -> Sheet:
    """A whole opinion; anything can be given otherwise."""
    whole: dict[str, object] = {
        "institution": "临澜市第一人民医院",
        "kind": "远程影像诊断　离线　加急",
        "number": "会诊编号 HZ-20261123-0047　第 1 版",
        "foot": "HZ-20261123-0047　第 1 版",
        "facts": (("姓名", "周启明"), ("性别", "男"), ("年龄", "67 岁"), ("身份证尾号", "3317")),
        "before": (Part("会诊目的", "右肺结节性质？"), Part("病史摘要", "咳嗽两周，SpO₂ 95 %。")),
        "after": (
            Part("所见", "右肺上叶后段见软组织密度结节，约 22 mm × 18 mm。"),
            Part("意见", "1. 周围型肺癌可能性大。\n2. 双肺轻度肺气肿。"),
            Part("建议", "转上级医院评估。"),
        ),
        "people": (Person("会诊专家", "沈若川", "主任医师", "临澜市第一人民医院　放射科"),),
        "labs": (LabPanel("血常规　2026-11-22 08:10", (LabRow(("白细胞", "12.5", "10⁹/L", "3.5–9.5", "↑ H")),)),),
        "measurements": (("结节长径", "22.0 mm", "第 142 层"),),
        "images": (Picture("图 1　肺窗　第 142 层", "关键图 1"),),
        "signed_at": moment(NOW, "Asia/Shanghai"),
        "code": "ABCD-EFGH-JKLM-NPQR",
        "qr": qr_svg("http://127.0.0.1:8080/verify?code=ABCDEFGHJKLMNPQR"),
    }
    return Sheet(**(whole | changes))  # type: ignore[arg-type]
