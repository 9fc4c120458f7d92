"""A small table of common analytes: LOINC code, names, unit, typical adult ranges and critical limits.

**Typical only: the reporting laboratory's own range always wins.** The table helps a person typing a report by hand,
and gives a flag where a laboratory sent no range. It is no substitute for either: ranges depend on method, age and
population, and none of these is for children.

Sources: ranges of blood counts WS/T 405-2012; chemistry WS/T 404.1 to 404.9 (2012-2018, adults 20-59 where the standard
splits by age); others as commonly printed by laboratories in China. Critical limits: those commonly agreed on between
hospitals and laboratories in China. LOINC codes: https://loinc.org, used under its licence.
"""

from decimal import Decimal
from functools import cache
from typing import NamedTuple

from dicom_store.labs.model import Sex

LOINC = "LN"
"""The name of LOINC in HL7 table 0396."""


class Limits(NamedTuple):
    """An interval, ends included; None where it is open."""

    low: Decimal | None
    high: Decimal | None


class Analyte(NamedTuple):
    """What is commonly measured.

    Attributes:
        unit: UCUM; ranges and critical limits are in it.
        male: Typical adult range, of men; `female` of women. None where there is none worth printing.
        critical: Below the low or above the high end somebody must be told at once.
        negative: The expected result is a negative one; there are no numbers.
        molar_mass: Gram per mole, where mass and amount of substance are both in use.
        valence: Charges per ion.
        catalytic: An enzyme: U and IU are the same.
    """

    loinc: str
    abbreviation: str
    zh: str
    en: str
    unit: str
    male: Limits | None = None
    female: Limits | None = None
    critical: Limits | None = None
    negative: bool = False
    molar_mass: Decimal | None = None
    valence: int | None = None
    catalytic: bool = False

    def typical(self, sex: Sex) -> Limits | None:
        """The typical adult range; None where it differs by sex and the sex is not known."""
        if sex is Sex.MALE or self.male == self.female:
            return self.male
        return self.female if sex is Sex.FEMALE else None


# One line an analyte:  LOINC | abbreviation | Chinese | English | unit | men | women ("=" the same) | critical | facts
_TABLE = """
6690-2  | WBC   | 白细胞计数 | Leukocytes | 10*9/L | 3.5..9.5 | = | 1.5..30 |
789-8   | RBC   | 红细胞计数 | Erythrocytes | 10*12/L | 4.3..5.8 | 3.8..5.1 | |
718-7   | HGB   | 血红蛋白 | Haemoglobin | g/L | 130..175 | 115..150 | 50..200 |
4544-3  | HCT   | 红细胞压积 | Haematocrit | L/L | 0.40..0.50 | 0.35..0.45 | 0.15..0.60 |
787-2   | MCV   | 平均红细胞体积 | Mean corpuscular volume | fL | 82..100 | = | |
785-6   | MCH   | 平均红细胞血红蛋白量 | Mean corpuscular haemoglobin | pg | 27..34 | = | |
786-4   | MCHC  | 平均红细胞血红蛋白浓度 | Mean corpuscular haemoglobin concentration | g/L | 316..354 | = | |
788-0   | RDW   | 红细胞分布宽度 | Red cell distribution width | % | 11.5..14.5 | = | |
777-3   | PLT   | 血小板计数 | Platelets | 10*9/L | 125..350 | = | 30..1000 |
32623-1 | MPV   | 平均血小板体积 | Mean platelet volume | fL | 7.4..12.5 | = | |
751-8   | NEUT# | 中性粒细胞绝对值 | Neutrophils | 10*9/L | 1.8..6.3 | = | 0.5.. |
731-0   | LYMPH# | 淋巴细胞绝对值 | Lymphocytes | 10*9/L | 1.1..3.2 | = | |
742-7   | MONO# | 单核细胞绝对值 | Monocytes | 10*9/L | 0.1..0.6 | = | |
711-2   | EO#   | 嗜酸性粒细胞绝对值 | Eosinophils | 10*9/L | 0.02..0.52 | = | |
704-7   | BASO# | 嗜碱性粒细胞绝对值 | Basophils | 10*9/L | 0..0.06 | = | |
770-8   | NEUT% | 中性粒细胞百分比 | Neutrophils/100 leukocytes | % | 40..75 | = | |
736-9   | LYMPH% | 淋巴细胞百分比 | Lymphocytes/100 leukocytes | % | 20..50 | = | |
5905-5  | MONO% | 单核细胞百分比 | Monocytes/100 leukocytes | % | 3..10 | = | |
713-8   | EO%   | 嗜酸性粒细胞百分比 | Eosinophils/100 leukocytes | % | 0.4..8.0 | = | |
706-2   | BASO% | 嗜碱性粒细胞百分比 | Basophils/100 leukocytes | % | 0..1 | = | |
4537-7  | ESR   | 红细胞沉降率 | Erythrocyte sedimentation rate | mm/h | 0..15 | 0..20 | |
1742-6  | ALT   | 丙氨酸氨基转移酶 | Alanine aminotransferase | U/L | 9..50 | 7..40 | | catalytic
1920-8  | AST   | 天门冬氨酸氨基转移酶 | Aspartate aminotransferase | U/L | 15..40 | 13..35 | | catalytic
6768-6  | ALP   | 碱性磷酸酶 | Alkaline phosphatase | U/L | 45..125 | 35..100 | | catalytic
2324-2  | GGT   | γ-谷氨酰转移酶 | Gamma-glutamyl transferase | U/L | 10..60 | 7..45 | | catalytic
2885-2  | TP    | 总蛋白 | Total protein | g/L | 65..85 | = | |
1751-7  | ALB   | 白蛋白 | Albumin | g/L | 40..55 | = | |
14631-6 | TBIL  | 总胆红素 | Total bilirubin | umol/L | ..26 | ..21 | ..342 | molar=584.66
14629-0 | DBIL  | 直接胆红素 | Direct bilirubin | umol/L | ..8 | = | | molar=584.66
22664-7 | UREA  | 尿素 | Urea | mmol/L | 3.1..8.0 | 2.6..7.5 | ..36 | molar=60.056
14682-9 | CREA  | 肌酐 | Creatinine | umol/L | 57..97 | 41..73 | ..650 | molar=113.12
14933-6 | UA    | 尿酸 | Urate | umol/L | 208..428 | 155..357 | | molar=168.11
14749-6 | GLU   | 葡萄糖 | Glucose | mmol/L | 3.9..6.1 | = | 2.5..22.2 | molar=180.156
4548-4  | HbA1c | 糖化血红蛋白 | Haemoglobin A1c | % | 4.0..6.0 | = | |
2823-3  | K     | 钾 | Potassium | mmol/L | 3.5..5.3 | = | 2.5..6.5 | molar=39.098 valence=1
2951-2  | Na    | 钠 | Sodium | mmol/L | 137..147 | = | 120..160 | molar=22.990 valence=1
2075-0  | Cl    | 氯 | Chloride | mmol/L | 99..110 | = | 80..125 | molar=35.45 valence=1
2000-8  | Ca    | 钙 | Calcium | mmol/L | 2.11..2.52 | = | 1.6..3.5 | molar=40.078 valence=2
14879-1 | P     | 无机磷 | Phosphate | mmol/L | 0.85..1.51 | = | 0.3.. | molar=30.974
2601-3  | Mg    | 镁 | Magnesium | mmol/L | 0.75..1.02 | = | 0.4..2.0 | molar=24.305 valence=2
2028-9  | CO2   | 总二氧化碳 | Total carbon dioxide | mmol/L | 22..29 | = | 10..40 | valence=1
14647-2 | TC    | 总胆固醇 | Total cholesterol | mmol/L | ..5.2 | = | | molar=386.65
14927-8 | TG    | 甘油三酯 | Triglycerides | mmol/L | ..1.7 | = | | molar=885.4
14646-4 | HDL-C | 高密度脂蛋白胆固醇 | HDL cholesterol | mmol/L | 1.0.. | = | | molar=386.65
22748-8 | LDL-C | 低密度脂蛋白胆固醇 | LDL cholesterol | mmol/L | ..3.4 | = | | molar=386.65
2157-6  | CK    | 肌酸激酶 | Creatine kinase | U/L | 50..310 | 40..200 | | catalytic
2532-0  | LDH   | 乳酸脱氢酶 | Lactate dehydrogenase | U/L | 120..250 | = | | catalytic
1798-8  | AMY   | 淀粉酶 | Amylase | U/L | 35..135 | = | | catalytic
3040-3  | LPS   | 脂肪酶 | Lipase | U/L | | | | catalytic
2524-7  | LAC   | 乳酸 | Lactate | mmol/L | 0.5..2.2 | = | ..4.0 | molar=90.08
1988-5  | CRP   | C反应蛋白 | C-reactive protein | mg/L | ..10 | = | |
33959-8 | PCT   | 降钙素原 | Procalcitonin | ng/mL | ..0.5 | = | |
2276-4  | FER   | 铁蛋白 | Ferritin | ng/mL | 30..400 | 13..150 | |
33762-6 | NT-proBNP | N末端B型钠尿肽原 | NT-proBNP | pg/mL | ..125 | = | |
67151-1 | hs-cTnT | 超敏肌钙蛋白T | Troponin T, high sensitivity | ng/L | ..14 | = | |
10839-9 | cTnI  | 肌钙蛋白I | Troponin I | ng/mL | | | |
5902-2  | PT    | 凝血酶原时间 | Prothrombin time | s | 11..14.5 | = | ..30 |
6301-6  | INR   | 国际标准化比值 | International normalised ratio | {INR} | 0.8..1.2 | = | ..5.0 |
14979-9 | APTT  | 活化部分凝血活酶时间 | Activated partial thromboplastin time | s | 25..37 | = | ..70 |
3255-7  | FIB   | 纤维蛋白原 | Fibrinogen | g/L | 2.0..4.0 | = | 1.0.. |
48065-7 | D-D   | D-二聚体 | D-dimer (FEU) | mg/L{FEU} | ..0.5 | = | |
3016-3  | TSH   | 促甲状腺激素 | Thyrotropin | m[IU]/L | 0.27..4.2 | = | |
14920-3 | FT4   | 游离甲状腺素 | Free thyroxine | pmol/L | 12..22 | = | | molar=776.87
14928-6 | FT3   | 游离三碘甲状腺原氨酸 | Free triiodothyronine | pmol/L | 3.1..6.8 | = | | molar=650.97
1834-1  | AFP   | 甲胎蛋白 | Alpha-fetoprotein | ng/mL | ..7 | = | |
2039-6  | CEA   | 癌胚抗原 | Carcinoembryonic antigen | ng/mL | ..5 | = | |
2857-1  | PSA   | 前列腺特异性抗原 | Prostate specific antigen | ng/mL | ..4 | | |
2744-1  | pH    | 动脉血pH | Arterial pH | 1 | 7.35..7.45 | = | 7.2..7.6 |
2019-8  | pCO2  | 动脉血二氧化碳分压 | Arterial carbon dioxide pressure | mm[Hg] | 35..45 | = | 20..70 |
2703-7  | pO2   | 动脉血氧分压 | Arterial oxygen pressure | mm[Hg] | 80..100 | = | 45.. |
5196-1  | HBsAg | 乙型肝炎表面抗原 | Hepatitis B surface antigen | | | | | negative
16128-1 | anti-HCV | 丙型肝炎抗体 | Hepatitis C antibody | | | | | negative
56888-1 | HIV   | 人类免疫缺陷病毒抗原抗体 | HIV 1+2 antigen and antibody | | | | | negative
20454-5 | PRO   | 尿蛋白 | Urine protein | | | | | negative
25428-4 | U-GLU | 尿葡萄糖 | Urine glucose | | | | | negative
5794-3  | BLD   | 尿隐血 | Urine haemoglobin | | | | | negative
"""


def _limits(text: str) -> Limits | None:
    if not text:
        return None
    low, _, high = text.partition("..")
    return Limits(Decimal(low) if low else None, Decimal(high) if high else None)


def _analyte(line: str) -> Analyte:
    loinc, abbreviation, zh, en, unit, male, female, critical, facts = (cell.strip() for cell in line.split("|"))
    known = dict(pair.partition("=")[::2] for pair in facts.split())
    return Analyte(
        loinc, abbreviation, zh, en, unit,
        male=_limits(male), female=_limits(male if female == "=" else female), critical=_limits(critical),
        negative="negative" in known, catalytic="catalytic" in known,
        molar_mass=Decimal(known["molar"]) if "molar" in known else None,
        valence=int(known["valence"]) if "valence" in known else None,
    )  # fmt: skip


ANALYTES: tuple[Analyte, ...] = tuple(_analyte(line) for line in _TABLE.strip().splitlines())


@cache
def _by_loinc() -> dict[str, Analyte]:
    return {each.loinc: each for each in ANALYTES}


def find(code: str, system: str) -> Analyte | None:
    """The analyte of a LOINC code; None for other code systems: a laboratory's own codes are never guessed."""
    return _by_loinc().get(code) if system == LOINC else None
