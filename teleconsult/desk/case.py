"""Puts the rooms' views of one consult together into its page. Pure: everything was read and judged before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from teleconsult.actor import Actor, Permission
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.rules import is_open
from teleconsult.consults.state import Move, NeedKind, Party, State
from teleconsult.consults.timeleft import time_left
from teleconsult.consults.views import ConsultView, EntryView, MaterialView, SeatView
from teleconsult.desk import rules, views
from teleconsult.desk.ports import SeriesSummary
from teleconsult.http.bodies import N_
from teleconsult.people.banner import banner
from teleconsult.reports.views import ReportView
from teleconsult.results.rules import Table

PERSON_KINDS = frozenset({NeedKind.PERSON, NeedKind.PEOPLE})
DEPARTMENT = NeedKind.DEPARTMENT
INSTITUTION = NeedKind.INSTITUTION

_DOCUMENTS = frozenset({"DOC", "OT", "XC", "SR"})
_MOST_SERIES = 8
_WRITERS = frozenset({Move.BEGIN_REPORT, Move.SIGN, Move.SUBMIT_FOR_AUDIT})


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read of a consult, room by room."""

    actor: Actor
    view: ConsultView
    entries: Sequence[EntryView]
    materials: Sequence[MaterialView]
    series: Sequence[SeriesSummary]
    labs: Sequence[Table]
    reports: Sequence[ReportView]
    names: Mapping[str, str]
    choices: views.Choices
    may_add: bool


def drawn(parts: Parts, now: datetime, zone: tzinfo) -> views.Case:
    """The page at a moment."""
    view, path = parts.view, f"/consults/{parts.view.id}"
    track = rules.track(view, parts.entries)
    films, papers = _split(parts.materials)
    newest = parts.reports[-1] if parts.reports else None
    return views.Case(
        id=view.id,
        path=path,
        viewer_path=f"{path}/viewer",
        report_path=f"{path}/report",
        number=view.number,
        version=view.version,
        state=view.state,
        kind=view.kind,
        mode=view.mode,
        priority=view.priority,
        banner=banner(view.patient, now.astimezone(zone).date()) if view.patient else None,
        clock=time_left(view.clock, now),
        waits_for=_holder(view),
        moves=rules.move_forms(view.id, view.moves),
        track=track,
        step_number=next((place for place, step in enumerate(track, 1) if step.now), sum(step.past for step in track)),
        opinion=_opinion(newest, view),
        report_pdf=f"/api/v1/consults/{view.id}/report.pdf" if newest else "",
        from_institution=view.institution.name,
        requester_name=view.requester.name,
        submitted_at=view.submitted_at,
        to_words=_target(view),
        question=view.question,
        history=_history(view),
        may_write=_may_write(parts.actor, view),
        may_add_material=parts.may_add,
        may_mark=any(offer.move in _WRITERS for offer in view.moves),
        other_side=_other_side(parts.actor, view),
        days=rules.days(parts.entries, view.unread, zone),
        studies=[_study(one, parts, path) for one in films],
        labs=parts.labs,
        documents=[_paper(one, path) for one in papers],
        choices=parts.choices,
        final_diagnosis=view.final_diagnosis,
        starts_at=view.starts_at,
        message_count=view.message_count,
    )


def _holder(view: ConsultView) -> str:
    lead = next((seat for seat in view.seats if seat.lead), None)
    return _sitter(lead) if lead is not None else ""


def _sitter(seat: SeatView) -> str:
    who = seat.user or seat.department
    return f"{seat.institution.name} {who.name}" if who else seat.institution.name


def _target(view: ConsultView) -> str:
    named = [view.target_institution, view.target_department, view.target_specialist]
    return " ".join(one.name for one in named if one is not None)


def _history(view: ConsultView) -> list[tuple[str, str]]:
    told = (
        ("", view.history),
        (N_("Working diagnosis"), view.working_diagnosis),
        (N_("Own report on the films"), view.local_conclusion),
        (N_("Wished time"), view.wished_time),
        (N_("Submitted incomplete because"), view.incomplete_reason),
        (N_("Final diagnosis"), view.final_diagnosis),
    )
    return [(label, text) for label, text in told if text.strip()]


def _may_write(actor: Actor, view: ConsultView) -> bool:
    writes = set(view.parties) - {Party.OBSERVER}
    return (
        bool(writes) and actor.may(Permission.MESSAGE_WRITE) and view.state is not State.DRAFT and is_open(view.state)
    )


def _other_side(actor: Actor, view: ConsultView) -> str:
    if actor.id != view.requester.id:
        return view.requester.name
    lead = next((seat for seat in view.seats if seat.lead and seat.user is not None), None)
    return lead.user.name if lead is not None and lead.user is not None else ""


def _opinion(report: ReportView | None, view: ConsultView) -> views.Opinion | None:
    if report is None:
        return None
    text = report.content
    return views.Opinion(
        report.signer_name,
        report.signed_at,
        report.version,
        text.findings,
        text.opinion,
        text.suggestion,
        view.adoption,
    )


def _split(materials: Sequence[MaterialView]) -> tuple[list[MaterialView], list[MaterialView]]:
    films: list[MaterialView] = []
    papers: list[MaterialView] = []
    for one in materials:
        if one.kind == MaterialKind.LAB_REPORT:
            continue
        is_paper = one.study is not None and bool(one.study.modalities) and set(one.study.modalities) <= _DOCUMENTS
        (papers if is_paper or one.kind == MaterialKind.DOCUMENT else films).append(one)
    return films, papers


def _study(material: MaterialView, parts: Parts, path: str) -> views.Study:
    summary, uid = material.study, material.reference
    root = f"/dicomweb/studies/{uid}"
    viewer = f"{path}/viewer?study={uid}"
    own = [one for one in parts.series if one.study.study_uid == uid][:_MOST_SERIES]
    films = [
        views.Film(
            f"{root}/series/{one.series_uid}/thumbnail",
            one.description or one.modality,
            one.images,
            f"{viewer}&series={one.series_uid}",
        )
        for one in own
    ]
    images = summary.images if summary else 0
    modality = "/".join(summary.modalities) if summary else ""
    description = summary.description if summary else ""
    return views.Study(
        uid=uid,
        description=description,
        modality=modality,
        taken_at=summary.taken_at if summary else None,
        institution=parts.names.get(material.institution_id, ""),
        images=images,
        films=films or [views.Film(f"{root}/thumbnail", description or modality, images, viewer)],
        path=viewer,
    )


def _paper(material: MaterialView, path: str) -> views.Paper:
    title = material.study.description if material.study else ""
    return views.Paper(f"{path}/viewer?study={material.reference}", "file-text", title, material.added_at)
