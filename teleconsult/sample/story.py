"""The county's story of the last weeks: a consult in every state of the table, walked there by its people.

`signed` is missing: an opinion is delivered in the transaction that signs it. What the demo's links and scripts rely
on is in `today`.
"""

from datetime import date, timedelta

from dicom_store.phantoms import Subject
from teleconsult.consults.state import Adoption, Kind, Mode, Move, Priority
from teleconsult.people.state import Sex
from teleconsult.sample import films
from teleconsult.sample.cases import Cases
from teleconsult.sample.films import taken_on


async def weeks_ago(cases: Cases) -> None:
    """What has ended, one way or another."""
    cases.clock.go_to(days_ago=44)
    forgotten = await _expiring(cases)
    cases.clock.go_to(days_ago=26)
    await _closed(cases)
    cases.clock.go_to(days_ago=19)
    await _withdrawn(cases)
    await _cancelled(cases)
    cases.clock.go_to(days_ago=12)
    await _rejected(cases)
    await cases.clinic.consults.time_passed(forgotten)


async def this_week(cases: Cases) -> None:
    """What runs, in the departments beside the lung's."""
    cases.clock.go_to(days_ago=2)
    await _bleeding(cases.to("qianbo"))
    cases.clock.go_to(days_ago=0.6)
    await _murmur(cases.to("wuminghua"))
    await _radiograph(cases.to("linyuan"))
    cases.clock.go_to(days_ago=0.2)
    await _palpitations(cases.to("wuminghua"))
    await _several(cases)
    await _now_in_session(cases.to("wuminghua"))


async def other_doors(cases: Cases, county: Cases) -> None:
    """What the second clinic asks the county hospital, and the county hospital the city's.

    Args:
        cases: Of the second township clinic.
        county: Of the county hospital.
    """
    await _audited(cases)
    await _waits_for_approval(county)


async def _expiring(cases: Cases) -> str:
    patient = await cases.patient("何有田", date(1966, 4, 18), Sex.MALE)
    return await cases.draft(patient, "反复头晕，是否需要做头颅磁共振？", "头晕半年，血压控制一般。")


async def _closed(cases: Cases) -> None:
    patient = await cases.patient("郑玉兰", date(1957, 12, 3), Sex.FEMALE, "磺胺", number="QS20260102")
    consult = await cases.draft(patient, "肺部感染后咳嗽两月不愈，如何处理？", "两月前肺炎住院，咳嗽至今。")
    liver = [("丙氨酸氨基转移酶", "28", "U/L", "7-40"), ("肌酐", "71", "umol/L", "41-81")]
    await cases.labs(consult, "肝肾功能", liver)
    await cases.assigned(consult)
    await cases.signed(consult, "肺部感染已吸收，气道高反应。", "感染后咳嗽，建议复方甲氧那明，两周后随访。")
    await cases.move(
        cases.doctor, consult, Move.ANSWER, adoption=Adoption.PARTLY, reason="本院无复方甲氧那明，改用右美沙芬。"
    )
    await cases.move(cases.doctor, consult, Move.CLOSE)
    await cases.move(cases.doctor, consult, Move.RECORD_FINAL_DIAGNOSIS, diagnosis="感染后咳嗽")


async def _withdrawn(cases: Cases) -> None:
    patient = await cases.patient("周大勇", date(1979, 8, 9), Sex.MALE, "")
    consult = await cases.draft(patient, "胸痛待查，是否需要造影？", "活动后胸闷一周，心电图未见异常。")
    await cases.submitted(consult)
    await cases.move(cases.doctor, consult, Move.WITHDRAW, reason="患者已自行到市里就诊。")


async def _cancelled(cases: Cases) -> None:
    patient = await cases.patient("吴彩霞", date(1983, 2, 27), Sex.FEMALE)
    consult = await cases.draft(patient, "妊娠期哮喘用药？", "孕 26 周，夜间喘息。")
    await cases.assigned(consult)
    await cases.move(cases.coordinator, consult, Move.CANCEL, reason="患者已转诊至妇幼保健院。")


async def _rejected(cases: Cases) -> None:
    patient = await cases.patient("冯来喜", date(1970, 6, 15), Sex.MALE)
    consult = await cases.draft(patient, "皮肤瘙痒一月，请皮肤科会诊。", "全身散在丘疹，无发热。")
    await cases.submitted(consult)
    await cases.move(cases.coordinator, consult, Move.REJECT, reason="本院远程会诊未开设皮肤科，建议向县医院申请。")


async def _bleeding(cases: Cases) -> None:
    """An emergency that went to whoever was on duty, and was answered within the quarter of an hour."""
    born = date(1962, 9, 1)
    patient = await cases.patient("陈建国", born, Sex.MALE, "", number="QS20260711")
    subject = Subject("Chen^Jianguo=陈^建国", "QS20260711", "M", born)
    taken = taken_on(cases.today(), "bleeding", "221500")
    consult = await cases.draft(
        patient, "头部外伤后嗜睡，是否需要立即手术？", "骑车摔倒 3 小时，呕吐两次，GCS 13 分。左侧瞳孔 4 mm。",
        priority=Priority.EMERGENCY, working_diagnosis="颅脑外伤",
        target_department_id=cases.town.departments["神经外科"],
    )  # fmt: skip
    await cases.films(consult, await films.painted(films.head, subject, taken))
    await cases.submitted(consult)
    await cases.signed(consult, "左侧额颞顶部梭形高密度影，中线右移约 6 mm。", "急性硬膜外血肿，立即转运手术。")
    await cases.move(cases.doctor, consult, Move.ANSWER, adoption=Adoption.ADOPTED)


async def _murmur(cases: Cases) -> None:
    """Booked: a live consult with an echocardiogram."""
    born = date(1990, 5, 20)
    patient = await cases.patient("黄小燕", born, Sex.FEMALE, "", number="QS20261133")
    subject = Subject("Huang^Xiaoyan=黄^小燕", "QS20261133", "F", born)
    taken = taken_on(cases.today(), "murmur", "104000")
    consult = await cases.draft(
        patient, "心尖区收缩期杂音，可以妊娠吗？", "体检发现杂音，无症状，备孕。", mode=Mode.LIVE
    )
    await cases.films(consult, await films.painted(films.cine, subject, taken))
    await cases.accepted(consult)
    starts = (cases.clock.now() + timedelta(days=1.6)).replace(minute=0, second=0, microsecond=0)
    await cases.move(cases.specialist, consult, Move.SCHEDULE, starts_at=starts, ends_at=starts + timedelta(minutes=30))


async def _radiograph(cases: Cases) -> None:
    """The opinion is being written."""
    born = date(1974, 11, 11)
    patient = await cases.patient("胡秀英", born, Sex.FEMALE, number="QS20261140")
    subject = Subject("Hu^Xiuying=胡^秀英", "QS20261140", "F", born)
    taken = taken_on(cases.today(), "radiograph", "083000")
    consult = await cases.draft(
        patient, "胸片右上肺野可疑结节，需要做 CT 吗？", "体检胸片，无症状。", kind=Kind.IMAGING,
        local_conclusion="右上肺野小片影，建议进一步检查。",
    )  # fmt: skip
    await cases.films(consult, await films.painted(films.radiograph, subject, taken))
    await cases.accepted(consult)
    await cases.written(consult, "双肺纹理清晰，右上肺野见一约 8 mm 稍高密度影。", "右上肺小结节可能，建议低剂量 CT。")


async def _palpitations(cases: Cases) -> None:
    """Assigned, not yet accepted; potassium is critical."""
    patient = await cases.patient("孟祥云", date(1955, 1, 30), Sex.FEMALE, "青霉素", number="QS20261150")
    consult = await cases.draft(
        patient, "慢性肾病心悸，血钾升高如何处理？", "慢性肾脏病 4 期，心悸两天。心电图 T 波高尖。",
        priority=Priority.URGENT,
    )  # fmt: skip
    for days, potassium, creatinine in ((180, "4.6", "188"), (90, "5.1", "231"), (30, "5.4", "264"), (0, "6.8", "312")):
        rows = [
            ("钾", potassium, "mmol/L", "3.5-5.3"),
            ("钠", "139", "mmol/L", "137-147"),
            ("肌酐", creatinine, "umol/L", "41-81"),
        ]
        await cases.labs(consult, "肾功能与电解质", rows, days)
    await cases.assigned(consult)


async def _several(cases: Cases) -> None:
    """A multidisciplinary consult: the lead has accepted, another specialist not yet."""
    patient = await cases.patient("丁志强", date(1968, 3, 3), Sex.MALE, "", number="QS20261155")
    consult = await cases.draft(
        patient, "肺癌脑转移，先放疗还是手术？", "肺腺癌一年，近两周头痛。外院磁共振示右额叶单发转移。", kind=Kind.MDT
    )
    await cases.labs(consult, "肿瘤标志物", [("癌胚抗原", "86.4", "ng/mL", "0-5")])
    await cases.submitted(consult)
    members = [cases.town.staff[login].id for login in ("linyuan", "qianbo")]
    await cases.move(cases.coordinator, consult, Move.ASSIGN, specialist_id=cases.specialist.id, member_ids=members)
    await cases.move(cases.town.staff["linyuan"], consult, Move.ACCEPT)


async def _now_in_session(cases: Cases) -> None:
    patient = await cases.patient("罗桂香", date(1949, 10, 1), Sex.FEMALE, None, number="QS20261160")
    consult = await cases.draft(
        patient, "房颤抗凝方案请指导。", "阵发性房颤三年，CHA2DS2-VASc 4 分。", mode=Mode.LIVE, anticoagulants="yes"
    )
    await cases.labs(consult, "凝血功能", [("国际标准化比值", "1.1", "", "0.8-1.2")])
    await cases.accepted(consult)
    await cases.move(cases.doctor, consult, Move.START, physician_present=True)


async def _audited(cases: Cases) -> None:
    """Liuhe asks the county hospital, where a second pair of eyes releases each opinion."""
    patient = await cases.patient("谢春生", date(1977, 7, 7), Sex.MALE, "", number="LH20260031")
    consult = await cases.draft(patient, "糖尿病足溃疡，本院能否继续换药？", "右足跟溃疡三周，1.5 cm，无发热。")
    rows = [("空腹血糖", "11.6", "mmol/L", "3.9-6.1"), ("糖化血红蛋白", "9.4", "%", "4-6")]
    await cases.labs(consult, "血糖", rows)
    await cases.accepted(consult)
    await cases.written(consult, "溃疡 Wagner 2 级，无深部感染征象。", "可继续换药，控制血糖，一周无改善转诊。")
    await cases.clinic.reports.submit_for_audit(cases.specialist, consult)


async def _waits_for_approval(cases: Cases) -> None:
    patient = await cases.patient("田秀云", date(1960, 2, 2), Sex.FEMALE, "", number="YC20261007")
    consult = await cases.draft(patient, "难治性高血压，是否排查继发原因？", "三种药物联用血压仍 168/98 mmHg。")
    await cases.submitted(consult)
