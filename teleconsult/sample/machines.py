"""What the county's machines sent by themselves: some of it for known patients, some of it waits to be matched."""

from datetime import date

from dicom_store.phantoms import Subject
from teleconsult.actor import SYSTEM
from teleconsult.app import Clinic
from teleconsult.people.state import Sex
from teleconsult.people.views import PatientFields
from teleconsult.sample import films
from teleconsult.sample.clock import StoryClock
from teleconsult.sample.films import taken_on
from teleconsult.sample.today import NODULE_NUMBER
from teleconsult.sample.town import Town
from teleconsult.stations.service import StationFields

_LOOPBACK = "127.0.0.1"
_COUNT = (
    "MSH|^~\\&|MINDRAY-BC|QS|TELECONSULT|QS|{at}||ORU^R01|{number}|P|2.3.1||||||UNICODE\r"
    "PID|1||{record}^^^^MR||{name}||{born}|{sex}\r"
    "OBR|1||{number}|CBC^血常规|||{at}\r"
    "OBX|1|NM|WBC^白细胞计数||{white}|10*9/L|3.5-9.5|{flag}|||F\r"
    "OBX|2|NM|HGB^血红蛋白||{haemoglobin}|g/L|130-175||||F\r"
    "OBX|3|NM|PLT^血小板计数||{platelets}|10*9/L|125-350||||F\r"
)


async def register(clinic: Clinic, town: Town) -> None:
    """The township clinic's scanner and analyser."""
    for title, label in (("QSCT", "16 排 CT"), ("MINDRAY-BC", "血球仪")):
        fields = StationFields(title, _LOOPBACK, None, label)
        await clinic.stations.add(SYSTEM, town.institutions["qingshi"], fields)


async def send(clinic: Clinic, town: Town, clock: StoryClock) -> None:
    """Films and lab reports come in."""
    place = town.institutions["qingshi"]
    scanner = films.from_machine(place, "QSCT")
    stranger = Subject("Zhang^Dashan=张^大山", "QS20261188", "M", date(1963, 8, 24))
    await films.keep(
        clinic.archive.ingest, films.scout(stranger, taken_on(clock.now().date(), "stranger", "075500")), scanner
    )
    await films.keep(clinic.archive.ingest, films.bundled(), scanner)
    known_one = PatientFields("许桂花", Sex.FEMALE, date(1958, 5, 19), record_number="QS20261191")
    await clinic.people.add_patient(town.actor("requester"), known_one)
    at = f"{clock.now():%Y%m%d%H%M%S}"
    known = _COUNT.format(
        at=at, number="A1", record=NODULE_NUMBER, name="高^守田", born="19590312", sex="M", white="12.9", flag="H",
        haemoglobin="101", platelets="231",
    )  # fmt: skip
    unknown = _COUNT.format(
        at=at, number="A2", record="QS20261191", name="许^桂花", born="19580519", sex="F", white="1.4", flag="LL",
        haemoglobin="88", platelets="64",
    )  # fmt: skip
    for message in (known, unknown):
        await clinic.web_rooms.lab_ingest.answer(message.encode(), _LOOPBACK)
    while await clinic.arrivals.link_new():
        pass
