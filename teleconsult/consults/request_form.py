"""The request form's five steps: which fields each holds, which are done, what stands beside them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from teleconsult.consults.fields import DraftFields
from teleconsult.consults.rules import Case, Item, completeness
from teleconsult.consults.state import Kind
from teleconsult.consults.views import ConsultView, MaterialView
from teleconsult.http.bodies import validated
from teleconsult.people.views import DepartmentView, SpecialistView


class Step(StrEnum):
    """One page of the form."""

    PATIENT = "patient"
    QUESTION = "question"
    MATERIALS = "materials"
    WHOM = "whom"
    CONSENT = "consent"


ORDER = tuple(Step)

FIELDS: dict[Step, tuple[str, ...]] = {
    Step.PATIENT: ("patient_id",),
    Step.QUESTION: ("question", "history", "working_diagnosis"),
    Step.MATERIALS: ("local_conclusion", "anticoagulants"),
    Step.WHOM: (
        "kind",
        "priority",
        "mode",
        "target_institution_id",
        "target_department_id",
        "target_specialist_id",
        "wished_time",
    ),
    Step.CONSENT: ("consent_how", "consent_by", "consent_name", "consent_language", "incomplete_reason"),
}
_KEEP_WHEN_BLANK = frozenset({"kind", "priority", "mode", "consent_language"})
"""A choice that always has a value: not chosen means not asked."""

ITEM_STEPS: dict[str, str] = {
    "patient": "patient",
    "question": "question#question",
    "history": "question#history",
    "allergies": "patient",
    "films": "materials",
    "tracing": "materials",
    "materials": "materials",
    "labs": "materials",
    "local_conclusion": "materials#local_conclusion",
    "anticoagulants": "materials#anticoagulants",
}
"""Where a missing item is put right."""

LABELS: dict[str, str] = {
    "question": "What do you want to know?",
    "history": "History and findings",
    "working_diagnosis": "Your working diagnosis",
    "local_conclusion": "Conclusion of your own report on the films",
    "anticoagulants": "Does the patient take anticoagulants?",
    "kind": "What sort of consult?",
    "priority": "How urgent is it?",
    "mode": "How should it be answered?",
    "target_institution_id": "Which institution?",
    "target_department_id": "Which department?",
    "target_specialist_id": "Which specialist?",
    "wished_time": "When would suit you?",
    "consent_how": "How was the consent given?",
    "consent_by": "Who gave it?",
    "consent_name": "Name, if it was not the patient",
    "incomplete_reason": "Something is still missing. Why do you submit without it?",
}
"""msgids; the same words as on the form."""


@dataclass(frozen=True, slots=True)
class Group:
    """Choices under a common heading."""

    label: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A material on the list: how many images or values of it are checked."""

    kind: str
    title: str
    count: int


def after(step: Step) -> Step:
    """The next step; the last stays."""
    return ORDER[min(ORDER.index(step) + 1, len(ORDER) - 1)]


def fields_of(step: Step, typed: Mapping[str, str], specialists: Iterable[SpecialistView] = ()) -> DraftFields:
    """What a step's form gave. A blank field empties what was there; a field of another step is left alone.

    Who names a specialist need not name the institution and department too: they follow.

    Raises:
        FieldsRefused: With what to do for each wrong field.
    """
    values = {
        name: typed[name]
        for name in FIELDS[step]
        if name in typed and not (name in _KEEP_WHEN_BLANK and not typed[name])
    }
    chosen = next((one for one in specialists if one.id == values.get("target_specialist_id")), None)
    if chosen is not None:
        values["target_institution_id"] = chosen.institution
        values["target_department_id"] = chosen.department or ""
    return validated(DraftFields, values)


def shown(view: ConsultView) -> dict[str, str]:
    """A draft as the form's fields show it."""
    return {
        "question": view.question,
        "history": view.history,
        "working_diagnosis": view.working_diagnosis,
        "local_conclusion": view.local_conclusion,
        "anticoagulants": view.anticoagulants,
        "kind": view.kind,
        "priority": view.priority,
        "mode": view.mode,
        "wished_time": view.wished_time,
        "target_institution_id": view.target_institution.id if view.target_institution else "",
        "target_department_id": view.target_department.id if view.target_department else "",
        "target_specialist_id": view.target_specialist.id if view.target_specialist else "",
        "consent_how": view.consent_how,
        "consent_by": view.consent_by,
        "consent_name": view.consent_name,
        "incomplete_reason": view.incomplete_reason,
    }


def empty() -> dict[str, str]:
    """The fields of a request that nobody has begun."""
    return dict.fromkeys(LABELS, "") | {"kind": Kind.CLINICAL, "priority": "routine", "mode": "asynchronous"}


def newer(view: ConsultView, typed: Mapping[str, str]) -> list[tuple[str, str]]:
    """What somebody saved meanwhile, where it differs from what was typed: (label, text)."""
    return [
        (LABELS[name], text)
        for name, text in shown(view).items()
        if name in typed and " ".join(typed[name].split()) != " ".join(text.split())
    ]


def done(view: ConsultView | None, materials: Sequence[MaterialView]) -> frozenset[Step]:
    """The steps that hold what they are for."""
    if view is None:
        return frozenset()
    held = {
        Step.PATIENT: view.patient is not None,
        Step.QUESTION: bool(view.question.strip()),
        Step.MATERIALS: bool(materials),
        Step.WHOM: view.target_institution is not None,
        Step.CONSENT: bool(view.consent_how),
    }
    return frozenset(step for step, is_done in held.items() if is_done)


def nothing_yet() -> tuple[Item, ...]:
    """The completeness list of a request that nobody has begun."""
    return completeness(Kind.CLINICAL, Case())


def paths(consult_id: str | None) -> dict[str, str]:
    """Where each step is; a request that is not begun has only the first."""
    if consult_id is None:
        return {step: "/consults/new" if step is Step.PATIENT else "" for step in ORDER}
    return {step: f"/consults/{consult_id}/edit/{step}" for step in ORDER}


def arrived(material: MaterialView) -> Arrived:
    """A material as the form lists it."""
    if material.study is not None:
        return Arrived(material.kind, material.study.description, material.study.images)
    if material.lab_report is not None:
        return Arrived(material.kind, material.lab_report.title, material.lab_report.results)
    return Arrived(material.kind, "", 0)


def specialist_groups(found: Iterable[SpecialistView]) -> list[Group]:
    """Specialists by institution and department, in the order given."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in found:
        label = f"{one.institution_name} {one.department_name}".strip()
        groups.setdefault(label, []).append((one.id, f"{one.name} {one.title}".strip()))
    return [Group(label, options) for label, options in groups.items()]


def department_groups(found: Iterable[DepartmentView], names: Mapping[str, str]) -> list[Group]:
    """Departments by institution.

    Args:
        found: The departments.
        names: Institution id -> name; others are left out.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for one in found:
        if one.institution in names:
            groups.setdefault(names[one.institution], []).append((one.id, one.name))
    return [Group(label, options) for label, options in groups.items()]
