"""Every table of the clinic in one place: migrations and tests need to know them all."""

from sqlalchemy import MetaData

from teleconsult import events
from teleconsult.access import models as access
from teleconsult.agreements import models as agreements
from teleconsult.audit import models as audit
from teleconsult.bridges import arrivals
from teleconsult.consults import models as consults
from teleconsult.db import Record
from teleconsult.deadlines import models as deadlines
from teleconsult.desk import models as desk
from teleconsult.duty import models as duty
from teleconsult.followups import models as followups
from teleconsult.http import idempotency
from teleconsult.notifications import models as notifications
from teleconsult.people import models as people
from teleconsult.reports import models as reports
from teleconsult.results import models as results
from teleconsult.scheduling import models as scheduling
from teleconsult.stations import models as stations
from teleconsult.unmatched import models as unmatched

ROOMS = (
    access, agreements, arrivals, audit, consults, deadlines, desk, duty, events, followups, idempotency, notifications,
    people, reports, results, scheduling, stations, unmatched,
)  # fmt: skip
"""The modules that hold tables; importing them is what registers the tables."""

metadata: MetaData = Record.metadata
