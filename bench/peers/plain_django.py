"""The worklist in plain Django: how a competent team would write it in an afternoon. Served by gunicorn.

What it does for a request: session and user from the database, counts by state, kind and priority, one page of cases
with patient and institution joined and unread messages counted, a template with the frame of our page around it.
What it does not do, and ours does: names are in clear in its database, and rights are a single filter.
"""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(os.environ["BENCH_FOLDER"])
PAGE = 50

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    LANGUAGE_CODE="zh-hans",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "django.db",
            "CONN_MAX_AGE": 600,
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"},
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [FOLDER],
            "OPTIONS": {
                "loaders": [("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])],
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ],
            },
        }
    ],
)
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402


class Institution(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        app_label = "bench"


class Patient(models.Model):
    name = models.CharField(max_length=100)
    sex = models.CharField(max_length=10)
    birth_date = models.DateField()

    class Meta:
        app_label = "bench"


class Consult(models.Model):
    owner = models.ForeignKey(User, models.PROTECT)
    patient = models.ForeignKey(Patient, models.PROTECT)
    origin = models.ForeignKey(Institution, models.PROTECT)
    number = models.CharField(max_length=40)
    question = models.TextField()
    kind = models.CharField(max_length=40, db_index=True)
    priority = models.CharField(max_length=40, db_index=True)
    state = models.CharField(max_length=40, db_index=True)
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "bench"


class Message(models.Model):
    consult = models.ForeignKey(Consult, models.CASCADE)
    text = models.TextField()
    unread = models.BooleanField(default=True)

    class Meta:
        app_label = "bench"


def _counts(cases: "models.QuerySet[Any]", field: str) -> list[dict[str, Any]]:
    return list(cases.values(key=models.F(field)).annotate(number=models.Count("id")).order_by("key"))


@login_required
def worklist(request: HttpRequest) -> HttpResponse:
    mine = Consult.objects.filter(owner=request.user)
    text = request.GET.get("q", "")
    shown = mine.filter(models.Q(patient__name__contains=text) | models.Q(number__contains=text)) if text else mine
    rows = list(shown.select_related("patient", "origin").order_by("due_at")[: PAGE + 1])
    waiting = Message.objects.filter(consult__in=[row.pk for row in rows], unread=True)
    unread = dict(waiting.values_list("consult").annotate(number=models.Count("id")))
    now = timezone.now()
    for row in rows:
        row.unread = unread.get(row.pk, 0)
        row.left = row.due_at - now
        row.age = (now.date() - row.patient.birth_date).days // 365
    context = {
        "rows": rows[:PAGE],
        "more": len(rows) > PAGE,
        "states": _counts(mine, "state"),
        "kinds": _counts(mine, "kind"),
        "priorities": _counts(mine, "priority"),
        "total": shown.count(),
    }
    return render(request, "worklist.html", context)


urlpatterns = [path("worklist", worklist)]


def prepare(cases: list[dict[str, Any]]) -> str:
    """Tables, the cases, and a session; its key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Institution, Patient, Consult, Message):
            editor.create_model(model)
    user = User.objects.create_user("doctor", password="bench")
    places = {name: Institution.objects.create(name=name) for name in {case["origin"] for case in cases}}
    for case in cases:
        patient = Patient.objects.create(
            name=case["patient"], sex=case["sex"], birth_date=datetime.fromisoformat(case["born"]).date()
        )
        words = {name: case[name] for name in ("number", "question", "kind", "priority", "state")}
        consult = Consult.objects.create(
            owner=user, patient=patient, origin=places[case["origin"]], due_at=datetime.fromisoformat(case["due_at"]),
            **words,
        )  # fmt: skip
        for number in range(case["unread"]):
            Message.objects.create(consult=consult, text=f"{number}")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    print(prepare(json.load(sys.stdin)))
else:
    application = get_wsgi_application()
