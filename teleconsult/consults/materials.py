"""Films, lab reports and documents of a case: attaching, what arrives by itself, what a specialist may open by it."""

from collections.abc import Iterable

from sqlalchemy import select

from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.consults.events import MaterialAdded
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.models import Consult, Material
from teleconsult.consults.office import Found, Happening, Office, find, note, offers_of, write_entry
from teleconsult.consults.ports import LabSummary, Opened, StudyRef, StudySummary
from teleconsult.consults.rules import is_open
from teleconsult.consults.scope import open_consults
from teleconsult.consults.state import Party, State
from teleconsult.consults.views import MaterialView
from teleconsult.db import Work, new_id
from teleconsult.errors import FieldsRefused, NotAllowed, NotFound, StepRefused
from teleconsult.events import record

_MOST = 200
_MOST_OPEN = 40_000
_OPENED = (MaterialKind.STUDY, MaterialKind.LAB_REPORT)
_ADDERS = frozenset({Party.REQUESTER, Party.SPECIALIST, Party.MEMBER, Party.COORDINATOR})


async def may_attach(office: Office, actor: Actor, consult_id: str) -> bool:
    """Whether somebody may add materials now: asked before the first byte of an upload is kept."""
    async with office.database.read() as session:
        try:
            found = await find(session, actor, consult_id)
        except NotFound:
            return False
    return _may_add(actor, found)


def _may_add(actor: Actor, found: Found) -> bool:
    return bool(found.parties & _ADDERS) and actor.may(Permission.MATERIAL_WRITE) and is_open(found.consult.state)


async def attach(
    office: Office, actor: Actor, consult_id: str, *, study_uid: str | None = None, lab_report_id: str | None = None
) -> str:
    """Add a study or lab report of the actor's own institution. Returns the material's id; twice is once.

    Raises:
        NotFound: The consult is not there, or not for them.
        NotAllowed: They may not add to it.
        StepRefused: It is at its end.
        FieldsRefused: Neither or both given, or the archive does not hold it for this institution.
    """
    if (study_uid is None) == (lab_report_id is None):
        raise FieldsRefused({"study_uid": "Please give a study or a lab report."})
    summary = await _held(office, actor, study_uid, lab_report_id)
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id, lock=True)
        await _judge(office, work, found)
        if summary is None:
            name = "study_uid" if study_uid else "lab_report_id"
            raise FieldsRefused({name: "Your institution has no such film or lab report."})
        kind = MaterialKind.STUDY if isinstance(summary, StudySummary) else MaterialKind.LAB_REPORT
        modalities = summary.modalities if isinstance(summary, StudySummary) else ()
        reference = study_uid or lab_report_id or ""
        return await _add(office, work, found.consult, kind, actor.institution, reference, modalities)


async def link_arrival(  # noqa: PLR0913 - what an arrival tells, each by its name
    office: Office,
    actor: Actor,
    consult_id: str,
    *,
    institution: str,
    kind: MaterialKind,
    reference: str,
    modalities: Iterable[str] = (),
) -> bool:
    """Link what came in with a consult's id as its reference. Idempotent. Returns whether anything is new.

    The bridge calls this for each arrival, as the house itself: the right was judged at the door (`may_attach`). A
    consult that has ended meanwhile, or an institution that has no part in it, links nothing: the film stays unmatched.
    """
    async with office.database.write(actor) as work:
        try:
            found = await find(work.session, actor, consult_id, lock=True)
        except NotFound:
            return False
        consult = found.consult
        parts = {consult.institution_id, consult.target_institution_id}
        if not is_open(consult.state) or institution not in parts:
            return False
        before = consult.entry_count
        await _add(office, work, consult, kind, institution, reference, modalities)
        return consult.entry_count > before


async def _add(  # noqa: PLR0913, PLR0917 - one row's columns
    office: Office,
    work: Work,
    consult: Consult,
    kind: MaterialKind,
    institution: str,
    reference: str,
    modalities: Iterable[str],
) -> str:
    row = await work.session.scalar(
        select(Material).where(
            Material.consult_id == consult.id,
            Material.kind == kind,
            Material.institution_id == institution,
            Material.reference == reference,
        )
    )
    if row is not None:
        # A study grows film by film; its words may grow with it.
        row.modalities = _joined({*row.modalities.split(","), *modalities})
        return row.id
    count = len(list(await work.session.scalars(select(Material.id).where(Material.consult_id == consult.id))))
    if count >= _MOST:
        raise StepRefused("This request holds 200 materials already.", code="too_many_materials")
    row = Material(
        id=new_id(),
        consult_id=consult.id,
        kind=kind,
        institution_id=institution,
        reference=reference,
        modalities=_joined(set(modalities)),
        added_at=work.at,
        added_by=work.actor.id,
    )
    work.session.add(row)
    write_entry(office, work, consult, Happening("material", {"material": row.id, "kind": str(kind)}))
    consult.changed_at = work.at
    note(work, "material", consult, kind=kind)
    record(work, MaterialAdded(consult.id, consult.number, row.id, kind, work.actor.id, consult.state))
    work.after_commit(office.on_commit)
    return row.id


async def unlink(office: Office, actor: Actor, consult_id: str, *, kind: MaterialKind, reference: str) -> None:
    """Take off what came to a case by mistake: another patient's film. The case's order of time says so.

    Raises:
        NotFound: The consult or the material is not there, or not for them.
        NotAllowed: They may not add to this case either.
        StepRefused: An opinion was signed over it.
    """
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id, lock=True)
        await _judge(office, work, found)
        if found.consult.report_version:
            raise StepRefused(
                "The opinion is signed. What it was based on stays on record.",
                moves=await offers_of(office, work.session, found),
                code="on_record",
            )
        row = await work.session.scalar(
            select(Material).where(
                Material.consult_id == consult_id,
                Material.kind == kind,
                Material.institution_id == actor.institution,
                Material.reference == reference,
            )
        )
        if row is None:
            raise NotFound
        await work.session.delete(row)
        write_entry(office, work, found.consult, Happening("material_removed", {"kind": str(kind)}))
        found.consult.changed_at = work.at
        note(work, "material_unlinked", found.consult, kind=kind)
        work.after_commit(office.on_commit)


async def remove(office: Office, actor: Actor, consult_id: str, material_id: str) -> None:
    """Take a material off a draft; once sent, what was shown stays."""
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id, lock=True)
        row = await work.session.get(Material, material_id)
        if row is None or row.consult_id != consult_id:
            raise NotFound
        if found.consult.state is not State.DRAFT:
            raise StepRefused(
                "What was sent stays with the request.", moves=await offers_of(office, work.session, found)
            )
        await work.session.delete(row)
        note(work, "material_removed", found.consult, kind=row.kind)


async def materials(office: Office, actor: Actor, consult_id: str) -> tuple[MaterialView, ...]:
    """What belongs to the case, in the order it came, with what the archive says of it."""
    async with office.database.read() as session:
        found = await find(session, actor, consult_id)
        patient = found.consult.patient_id or ""
        # Who passed the request on keeps their part of the talk, but no longer opens films.
        passed_on = found.last_level < found.consult.level
        rows = (
            []
            if passed_on
            else list(
                await session.scalars(
                    select(Material).where(Material.consult_id == consult_id).order_by(Material.added_at, Material.id)
                )
            )
        )
    await office.witness.read(actor, "consult.read", f"consults/{consult_id}", patient)
    studies, labs = await _summaries(office, rows)
    return tuple(
        MaterialView(
            row.id,
            row.kind,
            row.institution_id,
            row.reference,
            row.added_at,
            row.added_by,
            studies.get((row.institution_id, row.reference)) if row.kind == MaterialKind.STUDY else None,
            labs.get(row.reference) if row.kind == MaterialKind.LAB_REPORT else None,
        )
        for row in rows
    )


async def _summaries(
    office: Office, rows: list[Material]
) -> tuple[dict[tuple[str, str], StudySummary], dict[str, LabSummary]]:
    refs = [
        StudyRef(InstitutionId(row.institution_id), row.reference) for row in rows if row.kind == MaterialKind.STUDY
    ]
    ids = [row.reference for row in rows if row.kind == MaterialKind.LAB_REPORT]
    studies = await office.archive.studies(refs) if refs else []
    labs = await office.archive.lab_reports(ids) if ids else []
    return {(it.ref.institution, it.ref.study_uid): it for it in studies}, {it.id: it for it in labs}


async def _held(
    office: Office, actor: Actor, study_uid: str | None, lab_report_id: str | None
) -> StudySummary | LabSummary | None:
    if study_uid is not None:
        found = await office.archive.studies([StudyRef(actor.institution, study_uid)])
        return found[0] if found else None
    labs = [it for it in await office.archive.lab_reports([lab_report_id or ""]) if it.institution == actor.institution]
    return labs[0] if labs else None


async def _judge(office: Office, work: Work, found: Found) -> None:
    if not found.parties & _ADDERS or not work.actor.may(Permission.MATERIAL_WRITE):
        raise NotAllowed
    if not is_open(found.consult.state):
        raise StepRefused(
            "This request is at its end; nothing is added any more.",
            moves=await offers_of(office, work.session, found),
            code="consult_ended",
        )


async def open_to(office: Office, actor: Actor) -> Opened:
    """All film studies and lab reports that are open to somebody by a consult: one indexed query."""
    if actor.kind is not ActorKind.STAFF:
        return Opened()
    wanted = (
        select(Material.kind, Material.institution_id, Material.reference)
        .where(Material.kind.in_(_OPENED), Material.consult_id.in_(open_consults(actor)))
        .distinct()
        .limit(_MOST_OPEN)
    )
    rows = await office.database.rows(wanted)
    return Opened(
        frozenset(
            StudyRef(InstitutionId(row.institution_id), row.reference) for row in rows if row.kind == MaterialKind.STUDY
        ),
        frozenset(row.reference for row in rows if row.kind == MaterialKind.LAB_REPORT),
    )


async def is_on_record(office: Office, institution: str, study_uid: str) -> bool:
    """Whether a study belongs to a request that was sent: such a film must be kept as long as the record."""
    wanted = (
        select(Material.id)
        .join(Consult, Consult.id == Material.consult_id)
        .where(Material.kind == MaterialKind.STUDY, Material.institution_id == institution)
        .where(Material.reference == study_uid, Consult.submitted_at.is_not(None))
    )
    async with office.database.read() as session:
        return await session.scalar(wanted.limit(1)) is not None


def _joined(words: set[str]) -> str:
    return ",".join(sorted(word for word in words if word))[:120]
