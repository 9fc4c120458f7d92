"""The sample county's patients and consults, each walked to its state by the people who would walk it there."""

from dataclasses import dataclass
from datetime import date, timedelta

from dicom_store import phantoms
from dicom_store.model import Door, InstitutionId, Origin
from teleconsult.actor import Actor
from teleconsult.agreements.state import Consenter, ConsentHow
from teleconsult.app import Clinic
from teleconsult.consults.fields import Anticoagulants, AskedFields, DraftFields, MaterialKind, MoveFields
from teleconsult.consults.state import Adoption, Kind, Move, Priority
from teleconsult.people.state import Sex
from teleconsult.people.views import PatientFields
from teleconsult.reports.drafts import NewImage
from teleconsult.results.ports import NewResult
from teleconsult.results.service import LabFields
from teleconsult.sample.town import Town

_CHEST_SLICES = 40


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


class Cases:
    """Builds consults for one requester."""

    def __init__(self, clinic: Clinic, town: Town) -> None:
        self._clinic = clinic
        self._town = town
        self.doctor = town.actor("requester")
        self.specialist = town.actor("specialist")
        self.coordinator = town.actor("coordinator")

    async def patient(self, name: str, born: date, sex: Sex, allergies: str | None = None) -> str:
        """A patient of the requester's institution."""
        fields = PatientFields(name=name, sex=sex, birth_date=born, allergies=allergies)
        return (await self._clinic.people.add_patient(self.doctor, fields)).id

    async def draft(self, patient: str, question: str, history: str, **more: object) -> str:
        """A draft with everything the completeness gate asks for."""
        fields = DraftFields.model_validate(
            {
                "patient_id": patient,
                "kind": Kind.CLINICAL,
                "question": question,
                "history": history,
                "target_institution_id": self._town.institutions["city"],
                "anticoagulants": Anticoagulants.NO,
                "consent_how": ConsentHow.PAPER,
                "consent_by": Consenter.PATIENT,
                "working_diagnosis": "待查",
                "incomplete_reason": "其余检查本院无条件完成。",
                **more,
            }
        )
        return (await self._clinic.consults.draft(self.doctor, fields)).id

    async def move(self, actor: Actor, consult: str, move: Move, **needs: object) -> None:
        """One step by one person, as they see the consult now."""
        view = await self._clinic.consults.view(actor, consult)
        await self._clinic.consults.move(
            actor, consult, MoveFields.model_validate({"move": move, "version": view.version, **needs})
        )

    async def films(self, consult: str, subject: phantoms.Subject, taken: phantoms.Taken) -> str:
        """A chest CT, by the archive's own door, with the consult as its reference."""
        origin = Origin(InstitutionId(self.doctor.institution), Door.IMPORT, self.doctor.id, consult)
        for film in phantoms.chest_ct(subject, taken, slices=_CHEST_SLICES):
            await self._clinic.archive.ingest.accept(film, origin)
        await self._clinic.arrivals.link_new()
        return taken.study_uid

    async def labs(self, consult: str, title: str, rows: list[tuple[str, str, str, str]], days_ago: int) -> None:
        """A typed lab report: name, value, unit, range."""
        at = self._clinic.clock.now() - timedelta(days=days_ago)
        results = tuple(
            NewResult(name=name, value=value, unit=unit, range=limits) for name, value, unit, limits in rows
        )
        fields = LabFields(title=title, results=results, specimen="静脉血", collected_at=at, reported_at=at)
        await self._clinic.results.add(self.doctor, consult, fields)

    async def say(self, actor: Actor, consult: str, text: str) -> None:
        """A message in the consult's conversation."""
        await self._clinic.consults.post_message(actor, consult, text)

    async def assigned(self, consult: str, specialist: Actor | None = None) -> None:
        """Submitted and assigned."""
        await self.move(self.doctor, consult, Move.SUBMIT, reason="其余检查本院无条件完成。")
        who = specialist or self.specialist
        await self.move(self.coordinator, consult, Move.ASSIGN, specialist_id=who.id)

    async def signed(self, consult: str, findings: str, opinion: str, image: NewImage | None = None) -> None:
        """Accepted, written and signed by the specialist."""
        await self.move(self.specialist, consult, Move.ACCEPT)
        await self.move(self.specialist, consult, Move.BEGIN_REPORT)
        reports = self._clinic.reports
        if image is not None:
            await reports.add_key_image(self.specialist, consult, image)
        await reports.save_draft(
            self.specialist, consult, None, {"findings": findings, "opinion": opinion, "suggestion": "三个月后复查。"}
        )
        await reports.sign(self.specialist, consult, None, self._town.password)


async def build_cases(clinic: Clinic, town: Town) -> Sample:
    """The patients and their consults."""
    cases = Cases(clinic, town)
    sample = await _nodule(cases)
    await _copd(cases)
    await _pneumonia(cases)
    await _haemoptysis(cases)
    await _draft(cases)
    return sample


async def _nodule(cases: Cases) -> Sample:
    """Waits for the specialist: films, lab values, a conversation."""
    born = date(1959, 3, 12)
    patient = await cases.patient("高守田", born, Sex.MALE, "青霉素")
    consult = await cases.draft(
        patient,
        "右肺上叶结节半年内增大，下一步怎么办？",
        "咳嗽、痰中带血丝两月余，体重下降约 4 公斤。吸烟 40 年，每日一包。五月外院 CT 见右肺上叶结节约 11 mm。",
        working_diagnosis="右肺上叶结节，性质待定",
        priority=Priority.URGENT,
    )
    subject = phantoms.Subject("Gao^Shoutian=高^守田", "QS20260417", "M", born)
    taken = phantoms.Taken(date(2026, 11, 20), "091200", "青石镇中心卫生院", "sample/nodule")
    study = await cases.films(consult, subject, taken)
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
    return Sample(consult, patient, study)


async def _copd(cases: Cases) -> None:
    """Answered: the opinion was adopted."""
    patient = await cases.patient("王桂芳", date(1951, 7, 2), Sex.FEMALE, "")
    consult = await cases.draft(
        patient, "慢阻肺急性加重，激素用法请指导。", "反复咳喘十余年，三天前受凉后加重，SpO2 90 %。"
    )
    await cases.labs(consult, "血气分析", [("二氧化碳分压", "58", "mmHg", "35-45"), ("pH", "7.33", "", "7.35-7.45")], 0)
    await cases.assigned(consult)
    await cases.signed(
        consult, "桶状胸，双肺散在哮鸣音。血气示Ⅱ型呼吸衰竭。", "慢阻肺急性加重，建议泼尼松 40 mg/日，共 5 天。"
    )
    await cases.move(cases.doctor, consult, Move.ANSWER, adoption=Adoption.ADOPTED)


async def _pneumonia(cases: Cases) -> None:
    """Delivered: waits for the requester's answer; the opinion carries a key image."""
    born = date(1988, 1, 23)
    patient = await cases.patient("李建军", born, Sex.MALE, "")
    consult = await cases.draft(patient, "社区获得性肺炎，是否需要转院？", "发热四天，最高 39.2 ℃，咳黄痰。")
    subject = phantoms.Subject("Li^Jianjun=李^建军", "QS20260518", "M", born)
    taken = phantoms.Taken(date(2026, 11, 18), "153000", "青石镇中心卫生院", "sample/pneumonia")
    study = await cases.films(consult, subject, taken)
    await cases.assigned(consult)
    series = taken.uid("ct")
    image = NewImage(study, series, taken.uid(series, 12), 1, -600, 1500, "右肺上叶病灶")
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
    items = [
        AskedFields(kind=MaterialKind.STUDY, text="胸部 CT 薄层图像").model_dump(),
        AskedFields(kind=MaterialKind.LAB_REPORT, text="凝血功能").model_dump(),
    ]
    await cases.move(cases.specialist, consult, Move.RETURN_FOR_MATERIAL, items=items)


async def _draft(cases: Cases) -> None:
    """Two that are on their way: a draft, and one that waits for the coordinator."""
    first = await cases.patient("孙小宝", date(2019, 5, 6), Sex.MALE, "")
    await cases.draft(first, "儿童反复喘息，是否按哮喘治疗？", "两年内喘息发作 5 次。")
    second = await cases.patient("马德胜", date(1947, 2, 14), Sex.MALE, None)
    waiting = await cases.draft(second, "间质性肺病能否用抗纤维化药物？", "活动后气促进行性加重两年。")
    await cases.move(cases.doctor, waiting, Move.SUBMIT, reason="其余检查本院无条件完成。")
