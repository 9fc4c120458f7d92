"""A film's hash is called a digest: new films are known by BLAKE3, old rows keep the SHA-256 that they have."""

from alembic import op

revision = "0004_digest"
down_revision = "0003_walks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("instances", "removals"):
        op.alter_column(table, "sha256", new_column_name="digest")


def downgrade() -> None:
    for table in ("instances", "removals"):
        op.alter_column(table, "digest", new_column_name="sha256")
