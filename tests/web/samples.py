"""Views of every page as plain values, and their rendering outside of any server."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.consults.table import ADOPTION, ADOPTION_REASON, ITEMS, REASON, SPECIALIST
from teleconsult.consults.timeleft import TimeLeft
from teleconsult.desk import views
from teleconsult.desk.recordings import lines_of
from teleconsult.http.jinja import NavItem, environment
from teleconsult.people.banner import Age, Banner
from teleconsult.scheduling.state import Part, Seen
from teleconsult.scheduling.views import LookView, MarkView, PlayView

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
NAV = [
    NavItem("/", "Home", "house"),
    NavItem("/worklist", "Worklist", "list-checks", 7),
    NavItem("/consults/new", "New request", "file-plus-2"),
    NavItem("/patients", "Patients", "users"),
    NavItem("/account", "My account", "settings"),
]
ACTOR = Actor("u1", "沈若川", ActorKind.STAFF, InstitutionId("i1"), permissions=frozenset(Permission))


def render(template: str, language: str = "zh_CN", path: str = "/", **context: Any) -> str:
    """A template as a person would get it."""
    always = {
        "request_path": path,
        "language": language,
        "html_language": language.replace("_", "-"),
        "actor": ACTOR,
        "csrf_token": "token",
        "idempotency_key": "key-1",
        "nav": NAV,
        "now": NOW,
        "zone": ZoneInfo("Asia/Shanghai"),
        "unread_notices": 3,
        "standing": "呼吸科 主任医师",
    }
    return environment(language).get_template(template).render(always | context)


def clock(minutes: int, percent: int = 60, **more: bool) -> TimeLeft:
    """A deadline so many minutes away."""
    return TimeLeft(NOW + timedelta(minutes=minutes), NOW - timedelta(hours=1), percent, **more)


def row(**more: Any) -> views.Row:
    """A case in a list."""
    values: dict[str, Any] = {
        "id": "c1",
        "path": "/consults/c1",
        "number": "HZ-20261123-0047",
        "priority": "urgent",
        "kind": "clinical",
        "state": "assigned",
        "patient_name": "马玉珍",
        "sex": "female",
        "age": Age(71, 0, 0),
        "question": "慢阻肺急性加重，无创通气 2 小时后 PaCO₂ 78 mmHg，是否插管转院？",
        "from_institution": "上河镇卫生院",
        "requester_name": "陈立民",
        "clock": clock(21, 35, near=True),
        "submitted_at": NOW - timedelta(minutes=39),
        "changed_at": NOW - timedelta(minutes=39),
    }
    return views.Row(**values | more)


BANNER = Banner("p1", "周启明", "male", Age(67, 8, 0), date(1959, 3, 8), "3317", "青霉素（皮疹）")


def home(**more: Any) -> views.Home:
    """A specialist's first page."""
    values: dict[str, Any] = {
        "now": NOW,
        "waiting_count": 7,
        "first": row(),
        "counts": [
            views.Count("assigned", 2, "/worklist?state=assigned", clock(21, 35, near=True)),
            views.Count("reporting", 3, "/worklist?state=reporting", clock(445, 62)),
            views.Count("returned", 1, "/worklist?state=returned", None),
        ],
        "drafts": [],
        "came_back": [
            views.CameBack("/consults/c2", "蒋福生", "社区获得性肺炎换用莫西沙星", "answered", "adopted", NOW),
            views.CameBack("/consults/c3", "何秀兰", "是否做支气管镜", "answered", "partly", NOW),
        ],
        "next_call": None,
        "on_duty": [views.OnDuty("呼吸", "沈若川", "主任医师", NOW + timedelta(hours=4), True)],
        "may_request": False,
        "show_tour": False,
    }
    return views.Home(**values | more)


def worklist(**more: Any) -> views.Worklist:
    """A worklist of a few rows."""
    rows = [
        row(
            priority="emergency",
            patient_name="韦国栋",
            sex="male",
            age=Age(58, 0, 0),
            kind="ecg",
            unread=1,
            question="突发胸痛 40 分钟，V2-V4 导联 ST 段抬高，是否立即溶栓转运？",
            clock=clock(-2, 0, over=True),
        ),
        row(unread=2),
        row(
            priority="routine",
            state="reporting",
            patient_name="余水根",
            sex="male",
            clock=clock(1260, 80),
            kind="imaging",
        ),
        row(priority="routine", state="returned", patient_name="蒋福生", clock=TimeLeft(NOW, NOW, 50, paused=True)),
        row(priority="routine", state="delivered", patient_name="万长青", clock=clock(4080, 90), kind="mdt"),
    ]
    values: dict[str, Any] = {
        "rows": rows,
        "total": 14,
        "views": [
            views.Link("open", "/worklist", 14, True),
            views.Link("waiting_for_me", "/worklist?show=waiting", 3),
            views.Link("overdue", "/worklist?show=overdue", 1),
            views.Link("returned", "/worklist?show=returned", 1),
            views.Link("finished", "/worklist?show=finished", 128),
        ],
        "kinds": [views.Link("", "/worklist", 14, True), views.Link("clinical", "/worklist?kind=clinical", 6)],
        "priorities": [
            views.Link("", "/worklist", 14, True),
            views.Link("emergency", "/worklist?priority=emergency", 3),
        ],
        "text": "",
        "path_without_text": "/worklist",
        "first_path": "/worklist",
        "next_path": "/worklist?after=x",
        "is_later_page": False,
        "may_request": False,
    }
    return views.Worklist(**values | more)


def consult(**more: Any) -> SimpleNamespace:
    """The consult's page as the reading specialist sees it."""
    entry = views.Entry
    moves = [
        views.MoveForm("begin_report", (), is_primary=True, path="/consults/c1/report"),
        views.MoveForm("return_for_material", (ITEMS,)),
        views.MoveForm("hand_over", (SPECIALIST, REASON)),
        views.MoveForm("decline", (REASON,), is_final=True),
        views.MoveForm("answer", (ADOPTION, ADOPTION_REASON)),
    ]
    film = views.Film("/static/favicon.svg", "肺窗", 142, "/consults/c1/viewer?series=1", starred=True)
    lab_rows = [
        SimpleNamespace(name="癌胚抗原 CEA", value="8.6", unit="ng/mL", flag="H", arrow="↑", range="0–5.0"),
        SimpleNamespace(name="白细胞", value="7.2", unit="×10⁹/L", flag="", arrow="", range="3.5–9.5"),
        SimpleNamespace(name="血红蛋白", value="121", unit="g/L", flag="L", arrow="↓", range="130–175"),
    ]
    lab = SimpleNamespace(title="血常规", taken_at=NOW, laboratory="临澜县人民医院检验科", rows=lab_rows, critical=0)
    values: dict[str, Any] = {
        "id": "c1",
        "path": "/consults/c1",
        "viewer_path": "/consults/c1/viewer",
        "number": "HZ-20261123-0047",
        "version": 7,
        "state": "reporting",
        "kind": "clinical",
        "mode": "asynchronous",
        "priority": "urgent",
        "banner": BANNER,
        "clock": clock(464, 64),
        "waits_for": "",
        "moves": moves,
        "track": [
            views.Step("request", NOW - timedelta(hours=6), True, False),
            views.Step("assign", NOW - timedelta(hours=5), True, False),
            views.Step("accept", NOW - timedelta(hours=5), True, False),
            views.Step("write", None, False, True),
            views.Step("sign", None, False, False),
            views.Step("deliver", None, False, False),
            views.Step("answer", None, False, False),
        ],
        "step_number": 4,
        "final_diagnosis": "",
        "opinion": None,
        "report_pdf": "",
        "from_institution": "石渡镇卫生院",
        "requester_name": "李文",
        "submitted_at": NOW - timedelta(hours=6),
        "to_words": "县人民医院 呼吸科",
        "question": "右肺上叶结节的性质？能否在本院穿刺，还是转院评估？",
        "history": [
            ("", "咳嗽、痰中带血 2 周，无发热，体重半年下降 4 kg。"),
            ("Own report on the films", "右肺上叶结节"),
        ],
        "may_write": True,
        "may_add_material": False,
        "other_side": "李文",
        "days": [
            SimpleNamespace(
                is_new=True, at=NOW, entries=[entry("message", NOW, "李文", text="3 月 18 日，前降支 1 枚。")]
            ),
            SimpleNamespace(
                is_new=False,
                at=NOW,
                entries=[
                    entry("message", NOW - timedelta(minutes=20), "沈若川", is_mine=True, text="支架是哪一天放的？"),
                    entry("material", NOW - timedelta(hours=3), "李文", fields={"kind": "study"}),
                    entry(
                        "move",
                        NOW - timedelta(hours=4),
                        "沈若川",
                        is_mine=True,
                        move="return_for_material",
                        fields={"items": [SimpleNamespace(text="增强 CT 动脉期")]},
                    ),
                    entry("move", NOW - timedelta(hours=6), "李文", move="submit"),
                ],
            ),
        ],
        "studies": [
            views.Study("1.2", "胸部 CT 增强", "CT", NOW, "石渡镇卫生院", 412, [film] * 4, "/consults/c1/viewer")
        ],
        "labs": [lab],
        "documents": [SimpleNamespace(path="/x", icon="file-text", title="出院小结", at=NOW)],
        "choices": SimpleNamespace(
            specialists=[("u2", "方启元　影像科")], departments=[], institutions=[], open_items=[]
        ),
    }
    return SimpleNamespace(**values | more)


DRAFT = SimpleNamespace(id="c1", version=3, changed_at=NOW)
ITEMS_THERE = [
    SimpleNamespace(word="patient", label="Patient with sex and date of birth", present=True),
    SimpleNamespace(word="question", label="The question to the specialist", present=True),
    SimpleNamespace(word="history", label="History and findings", present=False),
    SimpleNamespace(word="materials", label="Films, results or documents", present=False),
]
STEPS = ("patient", "question", "materials", "whom", "consent")


def request(step: str, **more: Any) -> dict[str, Any]:
    """One step of the request form."""
    typed = {
        "question": "右肺上叶结节的性质？",
        "history": "",
        "working_diagnosis": "",
        "local_conclusion": "",
        "anticoagulants": "",
        "kind": "clinical",
        "priority": "urgent",
        "mode": "asynchronous",
        "target_institution_id": "i2",
        "target_department_id": "",
        "target_specialist_id": "",
        "wished_time": "",
        "consent_how": "",
        "consent_by": "",
        "consent_name": "",
        "incomplete_reason": "",
    }
    values: dict[str, Any] = {
        "step": step,
        "draft": DRAFT,
        "banner": BANNER,
        "step_paths": {name: f"/consults/c1/edit/{name}" for name in STEPS},
        "done_steps": {"patient", "question"},
        "step_notes": dict.fromkeys(STEPS, "") | {"patient": "周启明"},
        "item_steps": {"history": "/consults/c1/edit/question#history", "materials": "/consults/c1/edit/materials"},
        "completeness": ITEMS_THERE,
        "errors": {},
        "ids": {},
        "problem": "",
        "newer": None,
        "typed": typed,
        "autosave_url": "/api/v1/consults/c1",
        "text": "",
        "found": [],
        "materials": [SimpleNamespace(kind="study", title="胸部 CT 增强", count=412)],
        "institutions": [("i2", "县人民医院")],
        "departments": [SimpleNamespace(label="县人民医院", options=[("d1", "呼吸科")])],
        "specialists": [SimpleNamespace(label="县人民医院 呼吸科", options=[("u1", "沈若川 主任医师")])],
        "consent_text": SimpleNamespace(language="zh_CN", body="医生已向我说明远程会诊的目的、过程、费用、局限。"),
        "is_complete": False,
        "whom": None,
        "exists": "",
        "withdraw_path": "/consults/c1/moves/withdraw",
    }
    return values | more


PATIENT = SimpleNamespace(
    id="p1",
    name="周启明",
    sex="male",
    birth_date=date(1959, 3, 8),
    id_number_last4="3317",
    phone_last4="8001",
    record_number="A-77",
    version=2,
)


def report(**more: Any) -> dict[str, Any]:
    """The report editor of its author."""
    values: dict[str, Any] = {
        "consult": SimpleNamespace(id="c1", number="HZ-20261123-0047", kind="imaging", version=7),
        "banner": BANNER,
        "clock": clock(464, 64),
        "studies": [],
        "may_write": True,
        "draft_version": 2,
        "lock_holder": "",
        "lock_since": NOW,
        "saved_at": NOW,
        "errors": {},
        "problem": "",
        "newer": None,
        "amends": 0,
        "typed": {
            "findings": "右肺上叶后段见软组织密度结节。",
            "opinion": "周围型肺癌可能性大。",
            "suggestion": "",
            "finding": "positive",
            "labs": [],
            "reason": "",
        },
        "lab_choices": [("l1", "血常规")],
        "images": [],
        "can_sign": True,
        "can_begin_amend": False,
        "can_submit": False,
        "can_reject": False,
        "may_break": False,
        "deliver_to": "石渡镇卫生院 李文",
        "phrases": [],
        "lab_values": [],
    }
    return values | more


NOTICES = SimpleNamespace(
    unread=1,
    cursor="x",
    items=[
        SimpleNamespace(
            path="/consults/c1",
            loud=True,
            text="专家请您补充材料",
            read_at=None,
            at=NOW,
            about=SimpleNamespace(name="周启明", question="头痛一周，是否需要手术？"),
        ),
        SimpleNamespace(path="/consults/c2", loud=False, text="意见已送达", read_at=NOW, at=NOW, about=None),
    ],
)

RECORDING = SimpleNamespace(
    name="r1",
    by="陈立民",
    began_at=NOW,
    seconds=754,
    is_kept=True,
    tracks=[
        SimpleNamespace(number=0, who="陈立民", part="requester", label="", kind="audio", began_ms=0, until_ms=754_000),
        SimpleNamespace(number=1, who="", part="patient", label="", kind="video", began_ms=900, until_ms=700_000),
        SimpleNamespace(
            number=2, who="沈若川", part="specialist", label="screen", kind="video", began_ms=60_000, until_ms=None
        ),
    ],
)
PLAYED = PlayView(
    recording=RECORDING,
    from_ms=0,
    until_ms=754_000,
    marks=tuple(
        MarkView(at_ms, Seen(kind), who, Part(part), step)
        for at_ms, kind, who, part, step in (
            (2_000, "joined", "沈若川", "specialist", ""),
            (65_000, "ladder", "陈立民", "requester", "voice"),
            (90_000, "ladder", "陈立民", "requester", "high"),
            (120_000, "recording", "陈立民", "requester", "paused"),
            (180_000, "recording", "陈立民", "requester", "resumed"),
            (600_000, "away", "", "patient", ""),
            (610_000, "back", "", "patient", ""),
        )
    ),
    looks=(
        LookView(
            30_000, "沈若川", {"study": "1.2", "series": "1.2.3", "instance": "1.2.3.4", "frame": 1, "x": 0.4, "y": 0.6}
        ),
        LookView(200_000, "", {}),
    ),
)
RECORDINGS = [
    RECORDING,
    SimpleNamespace(name="r2", by="沈若川", began_at=NOW, seconds=None, is_kept=True),
    SimpleNamespace(name="r3", by="沈若川", began_at=NOW, seconds=60, is_kept=False),
]

PAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "home": ("desk/home.html", "/", {"home": home()}),
    "home-empty": (
        "desk/home.html",
        "/",
        {
            "home": home(
                waiting_count=0, first=None, counts=[], came_back=[], on_duty=[], may_request=True, show_tour=True
            )
        },
    ),
    "worklist": ("desk/worklist.html", "/worklist", {"worklist": worklist()}),
    "worklist-empty": ("desk/worklist.html", "/worklist", {"worklist": worklist(rows=[], text="王", may_request=True)}),
    "consult": (
        "desk/consult.html",
        "/consults/c1",
        {"consult": consult(), "recordings": RECORDINGS, "refused": None, "message_error": ""},
    ),
    "consult-refused": (
        "desk/consult.html",
        "/consults/c1",
        {
            "consult": consult(),
            "recordings": [],
            "message_error": "",
            "refused": SimpleNamespace(
                move="return_for_material",
                text="请检查您填写的内容",
                typed={"items": [{"kind": "labs", "text": "凝血"}]},
                errors={"items": "Please say what is needed: at least one item."},
            ),
        },
    ),
    "login": ("access/login.html", "/login", {"actor": None, "nav": [], "next_path": "/", "problem": "", "login": ""}),
    "help": ("desk/help.html", "/help/overview", {"topic": "overview", "topics": ["overview", "home", "worklist"]}),
    "error": (
        "errors/404.html",
        "/x",
        {
            "title": "找不到",
            "detail": "没有这个页面。",
            "support": "AB23CD",
            "problem": SimpleNamespace(errors={}, moves=None),
        },
    ),
    "new": (
        "consults/request_patient.html",
        "/consults/new",
        request(
            "patient",
            draft=None,
            banner=None,
            typed={},
            found=[PATIENT],
            step_paths=dict.fromkeys(STEPS, ""),
            done_steps=set(),
            step_notes=dict.fromkeys(STEPS, ""),
        ),
    ),
    "patient-wrong": (
        "consults/request_patient.html",
        "/consults/new",
        request("patient", typed={"name": "王"}, errors={"name": "Please fill this in."}),
    ),
    "question": ("consults/request_question.html", "/consults/c1/edit/question", request("question")),
    "question-stale": (
        "consults/request_question.html",
        "/consults/c1/edit/question",
        request("question", newer=[("病史", "别人写的")]),
    ),
    "materials": ("consults/request_materials.html", "/consults/c1/edit/materials", request("materials")),
    "whom": ("consults/request_whom.html", "/consults/c1/edit/whom", request("whom")),
    "consent": (
        "consults/request_consent.html",
        "/consults/c1/edit/consent",
        request("consent", errors={"consent_how": "Please choose one."}),
    ),
    "patients": ("people/patients.html", "/patients", {"text": "", "found": [PATIENT], "may_write": True}),
    "patient": (
        "people/patient.html",
        "/patients/p1",
        {"banner": BANNER, "patient": PATIENT, "may_request": True, "may_write": True},
    ),
    "patient-edit": (
        "people/edit.html",
        "/patients/p1/edit",
        {
            "banner": BANNER,
            "version": 2,
            "typed": {"name": "周启明"},
            "errors": {},
            "problem": "",
            "newer": None,
            "exists_path": "",
            "back": "/patients/p1",
        },
    ),
    "recording": (
        "desk/recording.html",
        "/consults/c1/recordings/r1",
        {
            "banner": BANNER,
            "number": "HZ20261123-0047",
            "consult_path": "/consults/c1",
            "played": PLAYED,
            "lines": lines_of(PLAYED),
            "looks": [{"at": look.at_ms, "who": look.who, **look.film} for look in PLAYED.looks],
            "tracks_path": "/api/v1/consults/c1/recordings/r1/tracks",
        },
    ),
    "notifications": ("notifications/list.html", "/notifications", {"notices": NOTICES}),
    "account": (
        "access/account.html",
        "/account",
        {
            "errors": {},
            "problem": "",
            "institution": "县人民医院",
            "sessions": [
                SimpleNamespace(id="s1", device="Chromium", address="10.0.0.1", used_at=NOW, is_this=True),
                SimpleNamespace(id="s2", device="", address="10.0.0.2", used_at=NOW, is_this=False),
            ],
        },
    ),
    "verify": ("reports/verify.html", "/verify", {"verdict": None, "error": ""}),
    "verify-public": (
        "reports/verify.html",
        "/verify",
        {
            "actor": None,
            "nav": [],
            "error": "",
            "verdict": SimpleNamespace(good=True, text="这份意见是真的。", facts=[("签名", "沈若川")]),
        },
    ),
    "report": ("reports/editor.html", "/consults/c1/report", report()),
    "report-read": (
        "reports/editor.html",
        "/consults/c1/report",
        report(may_write=False, can_sign=False, may_break=True, lock_holder="方启元"),
    ),
    "labs": (
        "results/form.html",
        "/consults/c1/labs/new",
        {
            "banner": BANNER,
            "typed": {},
            "errors": {"results.0.value": "Please write the result."},
            "problem": "",
            "back": "/consults/c1",
            "rows": [{"name": "血红蛋白", "value": ""}, {}, {}],
            "analytes": ["血红蛋白"],
            "units": ["g/L"],
        },
    ),
    "viewer": (
        "desk/viewer.html",
        "/consults/c1/viewer",
        {
            "consult": SimpleNamespace(
                id="c1",
                number="HZ",
                path="/consults/c1",
                banner=BANNER,
                question="右肺上叶结节？",
                may_mark=True,
                report_path="/consults/c1/report",
                studies=[],
            ),
            "studies_json": "[]",
            "open_series": "",
            "may_write": True,
        },
    ),
}
