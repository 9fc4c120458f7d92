"""The consults that the demo's links and scripts meet first: those of the township clinic with the lung specialist."""

from dataclasses import dataclass
from datetime import date, timedelta

from dicom_store.phantoms import Subject
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.state import Adoption, Move, Priority
from teleconsult.people.state import Sex
from teleconsult.reports.drafts import NewImage
from teleconsult.sample import films
from teleconsult.sample.cases import Cases
from teleconsult.sample.films import taken_on

NODULE_NUMBER = "QS20260417"


@dataclass(frozen=True, slots=True)
class Sample:
    """What scripts may use.

    Attributes:
        consult: Id of a consult that requester and specialist share.
        patient: Its patient.
        study_uid: Its chest CT.
    """

    consult: str
    patient: str
    study_uid: str


async def build_today(cases: Cases) -> Sample:
    """The patients and their consults, the newest last."""
    cases.clock.go_to(days_ago=0.1)
    await _copd(cases)
    await _pneumonia(cases)
    await _haemoptysis(cases)
    cases.clock.go_to(days_ago=0)
    sample = await _nodule(cases)
    await _draft(cases)
    return sample


async def _nodule(cases: Cases) -> Sample:
    """Waits for the specialist: films, lab values, a conversation."""
    born = date(1959, 3, 12)
    patient = await cases.patient("高守田", born, Sex.MALE, "青霉素", number=NODULE_NUMBER)
    consult = await cases.draft(
        patient,
        "右肺上叶结节半年内增大，下一步怎么办？",
        "咳嗽、痰中带血丝两月余，体重下降约 4 公斤。吸烟 40 年，每日一包。五月外院 CT 见右肺上叶结节约 11 mm。",
        working_diagnosis="右肺上叶结节，性质待定",
        priority=Priority.URGENT,
    )
    subject = Subject("Gao^Shoutian=高^守田", NODULE_NUMBER, "M", born)
    taken = taken_on(cases.today() - timedelta(days=3), "nodule")
    await cases.films(consult, await films.painted(films.chest, subject, taken))
    for days, cea, haemoglobin in ((150, "4.1", "128"), (60, "6.8", "119"), (3, "11.2", "104")):
        rows = [
            ("癌胚抗原", cea, "ng/mL", "0-5"),
            ("血红蛋白", haemoglobin, "g/L", "130-175"),
            ("白细胞计数", "7.4", "10^9/L", "3.5-9.5"),
            ("血小板计数", "246", "10^9/L", "125-350"),
        ]
        await cases.labs(consult, "肿瘤标志物与血常规", rows, days)
    await cases.assigned(consult)
    await cases.say(cases.doctor, consult, "患者和家属都想知道要不要马上手术，家里离市里四小时车程。")
    await cases.move(cases.specialist, consult, Move.ACCEPT)
    await cases.say(cases.specialist, consult, "片子已看到。请再确认一下有没有服用抗凝药，最近有没有做过增强 CT？")
    return Sample(consult, patient, taken.study_uid)


async def _copd(cases: Cases) -> None:
    """Answered: the opinion was adopted."""
    patient = await cases.patient("王桂芳", date(1951, 7, 2), Sex.FEMALE, "")
    consult = await cases.draft(
        patient, "慢阻肺急性加重，激素用法请指导。", "反复咳喘十余年，三天前受凉后加重，SpO2 90 %。"
    )
    await cases.labs(consult, "血气分析", [("二氧化碳分压", "58", "mmHg", "35-45"), ("pH", "7.33", "", "7.35-7.45")])
    await cases.assigned(consult)
    await cases.signed(
        consult, "桶状胸，双肺散在哮鸣音。血气示Ⅱ型呼吸衰竭。", "慢阻肺急性加重，建议泼尼松 40 mg/日，共 5 天。"
    )
    await cases.move(cases.doctor, consult, Move.ANSWER, adoption=Adoption.ADOPTED)


async def _pneumonia(cases: Cases) -> None:
    """Delivered: waits for the requester's answer; the opinion carries a key image."""
    born = date(1988, 1, 23)
    patient = await cases.patient("李建军", born, Sex.MALE, "", number="QS20260518")
    consult = await cases.draft(patient, "社区获得性肺炎，是否需要转院？", "发热四天，最高 39.2 ℃，咳黄痰。")
    subject = Subject("Li^Jianjun=李^建军", "QS20260518", "M", born)
    taken = taken_on(cases.today() - timedelta(days=1), "pneumonia", "153000")
    await cases.films(consult, await films.painted(films.chest, subject, taken))
    await cases.assigned(consult)
    series = taken.uid("ct")
    image = NewImage(taken.study_uid, series, taken.uid(series, 12), 1, -600, 1500, "右肺上叶病灶")
    await cases.signed(
        consult,
        "右肺上叶见类圆形密度增高影，边缘毛糙，余肺野清晰。",
        "暂不考虑重症肺炎，可在本院抗感染治疗，两周后复查。",
        image,
    )


async def _haemoptysis(cases: Cases) -> None:
    """Returned: more material is asked for; the clock stands."""
    patient = await cases.patient("赵秀芝", date(1964, 10, 30), Sex.FEMALE)
    consult = await cases.draft(patient, "反复咯血原因？", "间断咯血一年，每次约 20 ml。既往支气管扩张。")
    await cases.assigned(consult)
    await cases.asked_for(consult, (MaterialKind.STUDY, "胸部 CT 薄层图像"), (MaterialKind.LAB_REPORT, "凝血功能"))


async def _draft(cases: Cases) -> None:
    """Two that are on their way: a draft, and one that waits for the coordinator."""
    first = await cases.patient("孙小宝", date(2019, 5, 6), Sex.MALE, "")
    await cases.draft(first, "儿童反复喘息，是否按哮喘治疗？", "两年内喘息发作 5 次。")
    second = await cases.patient("马德胜", date(1947, 2, 14), Sex.MALE, None)
    waiting = await cases.draft(second, "间质性肺病能否用抗纤维化药物？", "活动后气促进行性加重两年。")
    await cases.submitted(waiting)
