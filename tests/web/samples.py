"""Views of every page as plain values, and their rendering outside of any server."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from teleconsult.actor import Actor, ActorKind, InstitutionId, Permission
from teleconsult.consults.state import ADOPTION, ADOPTION_REASON, ITEMS, REASON, SPECIALIST
from teleconsult.desk import views
from teleconsult.http.jinja import NavItem, environment

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


def clock(minutes: int, percent: int = 60, **more: bool) -> views.TimeLeft:
    """A deadline so many minutes away."""
    return views.TimeLeft(NOW + timedelta(minutes=minutes), NOW - timedelta(hours=1), percent, **more)


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
        "age": views.Age(71, 0, 0),
        "question": "慢阻肺急性加重，无创通气 2 小时后 PaCO₂ 78 mmHg，是否插管转院？",
        "from_institution": "上河镇卫生院",
        "requester_name": "陈立民",
        "clock": clock(21, 35, near=True),
        "submitted_at": NOW - timedelta(minutes=39),
        "changed_at": NOW - timedelta(minutes=39),
    }
    return views.Row(**values | more)


BANNER = views.Banner("p1", "周启明", "male", views.Age(67, 8, 0), date(1959, 3, 8), "3317", "青霉素（皮疹）")


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
        row(priority="emergency", patient_name="韦国栋", sex="male", age=views.Age(58, 0, 0), kind="ecg", unread=1,
            question="突发胸痛 40 分钟，V2-V4 导联 ST 段抬高，是否立即溶栓转运？", clock=clock(-2, 0, over=True)),
        row(unread=2),
        row(priority="routine", state="reporting", patient_name="余水根", sex="male", clock=clock(1260, 80), kind="imaging"),
        row(priority="routine", state="returned", patient_name="蒋福生", clock=views.TimeLeft(NOW, NOW, 50, paused=True)),
        row(priority="routine", state="delivered", patient_name="万长青", clock=clock(4080, 90), kind="mdt"),
    ]  # fmt: skip
    values: dict[str, Any] = {
        "rows": rows,
        "total": 14,
        "views": [
            views.Link("open", "/worklist", 14, True),
            views.Link("waiting", "/worklist?show=waiting", 3),
            views.Link("today", "/worklist?show=today", 6),
            views.Link("overdue", "/worklist?show=overdue", 1),
            views.Link("returned", "/worklist?show=returned", 1),
            views.Link("finished", "/worklist?show=finished", 128),
        ],
        "kinds": [views.Link("", "/worklist", 14, True), views.Link("clinical", "/worklist?kind=clinical", 6)],
        "priorities": [views.Link("", "/worklist", 14, True), views.Link("emergency", "/worklist?priority=emergency", 3)],
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
        SimpleNamespace(name="癌胚抗原 CEA", value="8.6", unit="ng/mL", flag="H", range="0–5.0"),
        SimpleNamespace(name="白细胞", value="7.2", unit="×10⁹/L", flag="", range="3.5–9.5"),
        SimpleNamespace(name="血红蛋白", value="121", unit="g/L", flag="L", range="130–175"),
    ]
    lab = SimpleNamespace(title="血常规", taken_at=NOW, laboratory="临澜县人民医院检验科", rows=lab_rows)
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
        "opinion": None,
        "report_pdf": "",
        "from_institution": "石渡镇卫生院",
        "requester_name": "李文",
        "submitted_at": NOW - timedelta(hours=6),
        "to_words": "县人民医院 呼吸科",
        "question": "右肺上叶结节的性质？能否在本院穿刺，还是转院评估？",
        "history": [("", "咳嗽、痰中带血 2 周，无发热，体重半年下降 4 kg。"), ("Local report", "右肺上叶结节")],
        "may_write": True,
        "may_add_material": False,
        "other_side": "李文",
        "days": [
            SimpleNamespace(is_new=True, at=NOW, entries=[entry("message", NOW, "李文", text="3 月 18 日，前降支 1 枚。")]),
            SimpleNamespace(is_new=False, at=NOW, entries=[
                entry("message", NOW - timedelta(minutes=20), "沈若川", is_mine=True, text="支架是哪一天放的？"),
                entry("material", NOW - timedelta(hours=3), "李文", fields={"kind": "study"}),
                entry("move", NOW - timedelta(hours=4), "沈若川", is_mine=True, move="return_for_material",
                      fields={"items": [SimpleNamespace(text="增强 CT 动脉期")]}),
                entry("move", NOW - timedelta(hours=6), "李文", move="submit"),
            ]),
        ],
        "studies": [views.Study("1.2", "胸部 CT 增强", "CT", NOW, "石渡镇卫生院", 412, [film] * 4, "/consults/c1/viewer")],
        "labs": [lab],
        "documents": [SimpleNamespace(path="/x", icon="file-text", title="出院小结", at=NOW)],
        "choices": SimpleNamespace(specialists=[("u2", "方启元　影像科")], departments=[], institutions=[], open_items=[]),
    }  # fmt: skip
    return SimpleNamespace(**values | more)


PAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "home": ("desk/home.html", "/", {"home": home()}),
    "home-empty": (
        "desk/home.html", "/",
        {"home": home(waiting_count=0, first=None, counts=[], came_back=[], on_duty=[], may_request=True, show_tour=True)},
    ),
    "worklist": ("desk/worklist.html", "/worklist", {"worklist": worklist()}),
    "worklist-empty": ("desk/worklist.html", "/worklist", {"worklist": worklist(rows=[], text="王", may_request=True)}),
    "consult": ("desk/consult.html", "/consults/c1", {"consult": consult(), "refused": None, "message_error": ""}),
    "consult-refused": (
        "desk/consult.html", "/consults/c1",
        {
            "consult": consult(), "message_error": "",
            "refused": SimpleNamespace(move="return_for_material", text="请检查您填写的内容", typed={"items": [{"kind": "labs", "text": "凝血"}]},
                                       errors={"items": "Please say what is needed: at least one item."}),
        },
    ),
    "login": ("access/login.html", "/login", {"actor": None, "nav": [], "next_path": "/", "problem": "", "login": ""}),
    "help": ("desk/help.html", "/help/overview", {"topic": "overview", "topics": ["overview", "home", "worklist"]}),
    "error": ("errors/404.html", "/x", {"title": "找不到", "detail": "没有这个页面。", "support": "AB23CD",
                                        "problem": SimpleNamespace(errors={}, moves=None)}),
}  # fmt: skip
