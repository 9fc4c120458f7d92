"""Indexes that hold all that a walk looks at: pages of films, and the newest studies that fit a search."""

from alembic import op

revision = "0003_walks"
down_revision = "0002_lab_reports"
branch_labels = None
depends_on = None

_OLD = "ix_studies_institution_study_date_id"
_WALK = ["institution", "study_date", "id", "patient_name", "patient_ideographic", "modalities"]


def upgrade() -> None:
    op.create_index(op.f("ix_instances_institution_id"), "instances", ["institution", "id"])
    op.create_index("ix_studies_walk", "studies", _WALK)
    op.drop_index(op.f(_OLD), "studies")


def downgrade() -> None:
    op.create_index(op.f(_OLD), "studies", _WALK[:3])
    op.drop_index("ix_studies_walk", "studies")
    op.drop_index(op.f("ix_instances_institution_id"), "instances")
