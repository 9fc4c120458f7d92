"""All tables of the clinic."""

from alembic import op

from teleconsult.records import metadata

revision = "0001_clinic"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
