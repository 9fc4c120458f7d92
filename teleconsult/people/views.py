"""What this room shows of its records to other rooms: frozen values, opened and ready."""

from dataclasses import dataclass, field
from datetime import date

from teleconsult.people import rules
from teleconsult.people.state import InstitutionKind, Role, Sex


@dataclass(frozen=True, slots=True)
class InstitutionSettings:
    """How an institution works.

    Attributes:
        needs_approval: Its medical office approves each request before it leaves.
        needs_audit: A second specialist audits each report before it is signed.
        public_line: Telephone that stands on reports and patients' pages.
    """

    needs_approval: bool = False
    needs_audit: bool = False
    public_line: str = ""


@dataclass(frozen=True, slots=True)
class InstitutionView:
    """An institution."""

    id: str
    name: str
    kind: InstitutionKind
    parent: str | None = None
    settings: InstitutionSettings = field(default_factory=InstitutionSettings)


@dataclass(frozen=True, slots=True)
class DepartmentView:
    """A department."""

    id: str
    institution: str
    name: str


@dataclass(frozen=True, slots=True)
class UserFields:
    """A new person of the staff.

    Attributes:
        login: Unique, without regard to case.
        department: Id, or None.
    """

    login: str
    name: str
    title: str = ""
    department: str | None = None
    language: str = "zh_CN"


@dataclass(frozen=True, slots=True)
class UserView:
    """A person of the staff, with the roles they hold per institution."""

    id: str
    login: str
    name: str
    title: str
    department: str | None
    language: str
    active: bool
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpecialistView:
    """Somebody who can be asked."""

    id: str
    name: str
    title: str
    department: str | None
    department_name: str
    institution: str
    institution_name: str


@dataclass(frozen=True, slots=True)
class PatientFields:
    """What is known of a patient.

    Attributes:
        sex: None: take it from the identity number, else unknown.
        birth_date: None: take it from the identity number.
        id_number: Chinese identity number, or None.
        record_number: The institution's own number, as films and lab reports carry it.
        allergies: None: not asked yet; "" : none known.
    """

    name: str
    sex: Sex | None = None
    birth_date: date | None = None
    id_number: str | None = None
    phone: str | None = None
    record_number: str | None = None
    allergies: str | None = None


@dataclass(frozen=True, slots=True)
class PatientView:
    """A patient for showing: numbers only by their ends."""

    id: str
    institution: str
    name: str
    sex: Sex
    birth_date: date | None
    id_number_last4: str
    phone_last4: str
    allergies: str | None
    version: int
    record_number: str = ""

    def age_on(self, day: date) -> int | None:
        """Whole years on a day; None while the date of birth is unknown."""
        return None if self.birth_date is None else rules.age_on(self.birth_date, day)
