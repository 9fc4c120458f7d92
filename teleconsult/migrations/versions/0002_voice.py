"""Messages that are spoken."""

import sqlalchemy as sa
from alembic import op

revision = "0002_voice"
down_revision = "0001_clinic"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consult_clips",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("media", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_consult_clips_consult_id_consults")),
        sa.PrimaryKeyConstraint("consult_id", "number", name=op.f("pk_consult_clips")),
    )


def downgrade() -> None:
    op.drop_table("consult_clips")
