"""Who there is in the sample county: institutions, departments, staff, their passwords and tokens."""

import secrets
from dataclasses import dataclass, field

from teleconsult.access.rules import permissions_of
from teleconsult.actor import SYSTEM, Actor, ActorKind, InstitutionId
from teleconsult.agreements.service import AgreementFields
from teleconsult.app import Clinic
from teleconsult.duty.service import TurnFields
from teleconsult.people.state import InstitutionKind, Role
from teleconsult.people.views import InstitutionSettings, UserFields

_INSTITUTIONS = {
    "city": ("云川市第一人民医院", InstitutionKind.CITY, None),
    "county": ("云川县人民医院", InstitutionKind.COUNTY, "city"),
    "qingshi": ("青石镇中心卫生院", InstitutionKind.TOWNSHIP, "county"),
    "liuhe": ("柳河镇卫生院", InstitutionKind.TOWNSHIP, "county"),
}
_DEPARTMENTS = ("呼吸与危重症医学科", "医学影像科", "心血管内科", "神经外科")
_STAFF = (
    # login, name, title, where, department, roles
    ("liuxiulan", "刘秀兰", "全科主治医师", "qingshi", None, (Role.REQUESTER,)),
    ("heguoqing", "何国庆", "执业助理医师", "qingshi", None, (Role.REQUESTER,)),
    ("zhaoyongqiang", "赵永强", "全科医师", "liuhe", None, (Role.REQUESTER,)),
    ("chenjinghe", "陈景和", "主任医师", "city", 0, (Role.SPECIALIST,)),
    ("linyuan", "林远", "副主任医师", "city", 1, (Role.SPECIALIST,)),
    ("wuminghua", "吴明华", "主任医师", "city", 2, (Role.SPECIALIST,)),
    ("qianbo", "钱博", "副主任医师", "city", 3, (Role.SPECIALIST,)),
    ("zhoumin", "周敏", "会诊中心调度", "city", None, (Role.COORDINATOR,)),
    ("sunli", "孙立", "信息科", "city", None, (Role.ADMINISTRATOR, Role.AUDITOR)),
    ("tangwei", "唐伟", "主治医师", "county", None, (Role.SPECIALIST, Role.COORDINATOR)),
    ("fangjing", "方静", "主任医师", "county", None, (Role.SPECIALIST, Role.AUDITOR)),
    ("luoyan", "罗燕", "主治医师", "county", None, (Role.REQUESTER,)),
    ("majianjun", "马建军", "医务科", "county", None, (Role.APPROVER,)),
)
_DUTY = (
    # login, days, from, to: not later than the beginning is the next day
    ("qianbo", "1234567", "08:00", "08:00"),
    ("linyuan", "1234567", "07:30", "19:30"),
    ("chenjinghe", "12345", "08:00", "17:30"),
    ("wuminghua", "1234567", "17:30", "08:00"),
    ("tangwei", "1234567", "08:00", "08:00"),
)
_ASKS_TWICE = frozenset({"county"})
"""Institutions whose medical office approves requests and where a second specialist releases opinions."""
_ROLES = {
    "requester": "liuxiulan",
    "specialist": "chenjinghe",
    "coordinator": "zhoumin",
    "admin": "sunli",
    "other_requester": "zhaoyongqiang",
}


@dataclass(slots=True)
class Town:
    """The county as it was built.

    Attributes:
        institutions: Key -> id.
        departments: Name -> id, of the city hospital.
        staff: Login -> the person as an actor.
        password: Of everybody here; made anew for each data directory.
    """

    institutions: dict[str, str] = field(default_factory=dict)
    departments: dict[str, str] = field(default_factory=dict)
    staff: dict[str, Actor] = field(default_factory=dict)
    password: str = ""

    def actor(self, role: str) -> Actor:
        """The person who stands for a role in the demo's links."""
        return self.staff[_ROLES[role]]


async def build_town(clinic: Clinic) -> Town:
    """Institutions, agreements, departments and staff."""
    town = Town(password=f"demo-{secrets.token_hex(4)}")
    for key, (name, kind, parent) in _INSTITUTIONS.items():
        above = town.institutions.get(parent) if parent else None
        twice = key in _ASKS_TWICE
        settings = InstitutionSettings(needs_approval=twice, needs_audit=twice, public_line="0371-5550100")
        made = await clinic.people.add_institution(SYSTEM, name, kind, above, settings)
        town.institutions[key] = made.id
    for name in _DEPARTMENTS:
        department = await clinic.people.add_department(SYSTEM, town.institutions["city"], name)
        town.departments[name] = department.id
    for login, name, title, where, department_number, roles in _STAFF:
        department_id = None if department_number is None else town.departments[_DEPARTMENTS[department_number]]
        user = await clinic.people.add_user(SYSTEM, UserFields(login, name, title, department_id))
        for role in roles:
            await clinic.people.add_membership(SYSTEM, user.id, town.institutions[where], role)
        await clinic.access.set_password(SYSTEM, user.id, town.password)
        town.staff[login] = Actor(
            user.id, name, ActorKind.STAFF, InstitutionId(town.institutions[where]),
            frozenset(roles), permissions_of(roles),
        )  # fmt: skip
    await _agree(clinic, town)
    await _on_duty(clinic, town)
    return town


async def tokens(clinic: Clinic, town: Town) -> dict[str, str]:
    """A long-lived bearer for each role of the public surface."""
    made = {}
    for role, login in _ROLES.items():
        user = town.staff[login].id
        made[role] = await clinic.access.make_token(SYSTEM, user, "sample", str(town.staff[login].institution))
    return made


def logins() -> dict[str, str]:
    """Role -> login, for the demo's one-tap links."""
    return dict(_ROLES)


async def _on_duty(clinic: Clinic, town: Town) -> None:
    for login, days, begins, ends in _DUTY:
        person = town.staff[login]
        await clinic.duty.add(SYSTEM, str(person.institution), TurnFields(person.id, days, begins, ends))


async def _agree(clinic: Clinic, town: Town) -> None:
    today = clinic.clock.now().date()
    for inviting, invited in (("qingshi", "city"), ("liuhe", "county"), ("county", "city")):
        fields = AgreementFields(
            town.institutions[inviting], town.institutions[invited], "远程会诊协作协议", today.replace(month=1, day=1)
        )
        await clinic.agreements.add_agreement(SYSTEM, fields)
