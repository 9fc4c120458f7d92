"""Ready-made texts for the report's form, per kind of consult. Pure data; the author changes what is inserted."""

from dataclasses import dataclass

from teleconsult.consults.state import Kind


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with the word it is found by."""

    title: str
    text: str


_ALWAYS = (
    Phrase("随诊", "建议门诊随诊，症状加重或出现新的不适时及时就诊。"),
    Phrase("急诊转诊", "病情可能进展，建议立即转上级医院急诊，途中监测生命体征并备好抢救药品。"),
    Phrase("补充检查", "现有资料不足以明确诊断，建议完善相关检查后再次会诊。"),
    Phrase("知情告知", "以上情况请向患者及家属充分说明，并记录于病历。"),
)
_CHEST = (
    Phrase(
        "胸部CT 未见异常",
        "双肺纹理清晰，未见明确实变、结节或肿块。气管及主支气管通畅。纵隔及肺门未见肿大淋巴结。双侧胸腔未见积液。心脏大小、形态未见异常。",
    ),
    Phrase("肺结节随访", "肺结节，建议 3 个月后复查低剂量薄层 CT，与本次影像同层面比较。"),
    Phrase(
        "头颅CT 未见出血",
        "脑实质密度未见异常，未见出血及占位征象。脑室、脑池形态大小正常，中线结构居中。颅骨未见骨折。",
    ),
    Phrase("腹部CT 未见异常", "肝、胆、胰、脾及双肾形态、密度未见明确异常。腹腔及腹膜后未见肿大淋巴结，未见积液。"),
    Phrase("骨折", "骨皮质连续性中断，断端对位对线情况如上述，周围软组织肿胀。建议骨科处理。"),
    Phrase("对比旧片", "与旧片比较，病灶大小、形态及密度变化如上述。"),
)
_ECG = (
    Phrase("窦性心律", "窦性心律，心率 次/分，电轴不偏，PR 间期、QRS 时限及 QT 间期在正常范围，ST-T 未见明显异常。"),
    Phrase("心房颤动", "P 波消失，代之以大小不等的 f 波，RR 间期绝对不等，提示心房颤动。建议评估卒中与出血风险。"),
    Phrase("ST 段抬高", "相邻导联 ST 段抬高，结合症状考虑急性心肌梗死可能，属危急值：立即启动胸痛流程并转诊。"),
    Phrase("房室传导阻滞", "房室传导阻滞，具体程度如上述，建议动态心电图检查，避免使用减慢房室传导的药物。"),
)
_CLINICAL = (
    Phrase("支架与穿刺", "置入药物洗脱支架未满 12 个月，不得自行停用双抗；停药与否由心内科评估后决定。"),
    Phrase("抗感染", "在留取病原学标本后开始经验性抗感染治疗，48–72 小时评估疗效并据药敏结果调整。"),
    Phrase("高血压", "规律服药并每日监测血压，目标低于 140/90 mmHg；记录血压日记，两周后复诊。"),
    Phrase("糖尿病", "监测空腹及餐后血糖，复查糖化血红蛋白，完善眼底、尿微量白蛋白检查。"),
)
_MDT = (Phrase("多学科结论", "经多学科讨论，一致意见如下：\n1. \n2. \n主要分歧与处理："),)

_BY_KIND = {
    Kind.CLINICAL: _CLINICAL,
    Kind.IMAGING: _CHEST,
    Kind.ECG: _ECG,
    Kind.MDT: _MDT + _CLINICAL + _CHEST,
}


def phrases_for(kind: Kind) -> tuple[Phrase, ...]:
    """The texts that fit a kind of consult, the particular ones first."""
    return _BY_KIND[kind] + _ALWAYS
