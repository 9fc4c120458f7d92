"""Lab reports and the messages they came in."""

import sqlalchemy as sa
from alembic import op

revision = "0002_lab_reports"
down_revision = "0001_films"
branch_labels = None
depends_on = None

_PLAIN = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INDEXES = {
    "ix_lab_reports_institution_patient_hash_effective_at": ["institution", "patient_hash", "effective_at"],
    "ix_lab_reports_institution_name_hash_effective_at": ["institution", "name_hash", "effective_at"],
    "ix_lab_reports_institution_order_hash": ["institution", "order_hash"],
    "ix_lab_reports_institution_effective_at": ["institution", "effective_at"],
}


def upgrade() -> None:
    op.create_table(
        "lab_reports",
        sa.Column("id", _PLAIN, nullable=False),
        sa.Column("institution", _PLAIN, nullable=False),
        sa.Column("patient_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("order_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaces", _PLAIN, nullable=True),
        sa.Column("replaced_by", _PLAIN, nullable=True),
        sa.Column("status", _PLAIN, nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("door", _PLAIN, nullable=False),
        sa.Column("caller", _PLAIN, nullable=False),
        sa.Column("reference", _PLAIN, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab_reports")),
    )
    for name, columns in _INDEXES.items():
        op.create_index(op.f(name), "lab_reports", columns)
    op.create_table(
        "lab_messages",
        sa.Column("message_hash", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reports", _PLAIN, nullable=False),
        sa.PrimaryKeyConstraint("message_hash", name=op.f("pk_lab_messages")),
    )


def downgrade() -> None:
    op.drop_table("lab_messages")
    for name in _INDEXES:
        op.drop_index(op.f(name), "lab_reports")
    op.drop_table("lab_reports")
