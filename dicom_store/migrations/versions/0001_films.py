"""Studies, series, films, their headers, arrivals, removals, packs."""

import sqlalchemy as sa
from alembic import op

revision = "0001_films"
down_revision = None
branch_labels = None
depends_on = None


Plain = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("number", RowId, sa.Identity(always=False), autoincrement=True, nullable=False),
        sa.Column("kind", Plain, nullable=False),
        sa.Column("institution", Plain, nullable=False),
        sa.Column("door", Plain, nullable=False),
        sa.Column("caller", Plain, nullable=False),
        sa.Column("reference", Plain, nullable=False),
        sa.Column("study", Plain, nullable=False),
        sa.Column("subject", Plain, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_arrivals")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "removals",
        sa.Column("id", RowId, sa.Identity(always=False), autoincrement=True, nullable=False),
        sa.Column("institution", Plain, nullable=False),
        sa.Column("study_uid", Plain, nullable=False),
        sa.Column("instance_uid", Plain, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("pack", Plain, nullable=False),
        sa.Column("pack_offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("caller", Plain, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removals")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sealed_packs",
        sa.Column("pack", Plain, nullable=False),
        sa.PrimaryKeyConstraint("pack", name=op.f("pk_sealed_packs")),
    )
    op.create_table(
        "studies",
        sa.Column("id", RowId, autoincrement=False, nullable=False),
        sa.Column("institution", Plain, nullable=False),
        sa.Column("study_uid", Plain, nullable=False),
        sa.Column("patient_name", Plain, server_default="", nullable=False),
        sa.Column("patient_ideographic", Plain, server_default="", nullable=False),
        sa.Column("patient_sounds", Plain, server_default="", nullable=False),
        sa.Column("patient_id", Plain, server_default="", nullable=False),
        sa.Column("birth_date", Plain, server_default="", nullable=False),
        sa.Column("sex", Plain, server_default="", nullable=False),
        sa.Column("study_date", Plain, server_default="", nullable=False),
        sa.Column("study_time", Plain, server_default="", nullable=False),
        sa.Column("accession", Plain, server_default="", nullable=False),
        sa.Column("study_id", Plain, server_default="", nullable=False),
        sa.Column("description", Plain, server_default="", nullable=False),
        sa.Column("referrer", Plain, server_default="", nullable=False),
        sa.Column("modalities", Plain, server_default="", nullable=False),
        sa.Column("series_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("instance_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("institution", "study_uid", name=op.f("uq_studies_institution_study_uid")),
    )
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_studies_institution_accession"), ["institution", "accession"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_studies_institution_patient_id"), ["institution", "patient_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_studies_institution_patient_ideographic"),
            ["institution", "patient_ideographic"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_studies_institution_patient_name"), ["institution", "patient_name"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_studies_institution_study_date_id"), ["institution", "study_date", "id"], unique=False
        )

    op.create_table(
        "series",
        sa.Column("id", RowId, autoincrement=False, nullable=False),
        sa.Column("study", RowId, nullable=False),
        sa.Column("series_uid", Plain, nullable=False),
        sa.Column("modality", Plain, server_default="", nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("description", Plain, server_default="", nullable=False),
        sa.Column("body_part", Plain, server_default="", nullable=False),
        sa.Column("started_date", Plain, server_default="", nullable=False),
        sa.Column("started_time", Plain, server_default="", nullable=False),
        sa.Column("station", Plain, server_default="", nullable=False),
        sa.Column("instance_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_series_study"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("study", "series_uid", name=op.f("uq_series_study_series_uid")),
    )
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_series_modality_study"), ["modality", "study"], unique=False)
        batch_op.create_index(batch_op.f("ix_series_series_uid"), ["series_uid"], unique=False)

    op.create_table(
        "instances",
        sa.Column("id", RowId, autoincrement=False, nullable=False),
        sa.Column("institution", Plain, nullable=False),
        sa.Column("instance_uid", Plain, nullable=False),
        sa.Column("series", RowId, nullable=False),
        sa.Column("study", RowId, nullable=False),
        sa.Column("sop_class", Plain, nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("transfer_syntax", Plain, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("pack", Plain, nullable=False),
        sa.Column("pack_offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("bits_allocated", sa.Integer(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("photometric", Plain, nullable=False),
        sa.Column("pixel_offset", sa.BigInteger(), nullable=False),
        sa.Column("pixel_length", sa.BigInteger(), nullable=False),
        sa.Column("flags", Plain, server_default="", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_instances_series"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["study"], ["studies.id"], name=op.f("fk_instances_study"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("institution", "instance_uid", name=op.f("uq_instances_institution_instance_uid")),
    )
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instances_pack"), ["pack"], unique=False)
        batch_op.create_index(batch_op.f("ix_instances_series_number_id"), ["series", "number", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_instances_study"), ["study"], unique=False)

    op.create_table(
        "headers",
        sa.Column("instance", RowId, autoincrement=False, nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("fragments", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["instance"], ["instances.id"], name=op.f("fk_headers_instance"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_headers")),
    )


def downgrade() -> None:
    op.drop_table("headers")
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_instances_study"))
        batch_op.drop_index(batch_op.f("ix_instances_series_number_id"))
        batch_op.drop_index(batch_op.f("ix_instances_pack"))

    op.drop_table("instances")
    with op.batch_alter_table("series", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_series_series_uid"))
        batch_op.drop_index(batch_op.f("ix_series_modality_study"))

    op.drop_table("series")
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_studies_institution_study_date_id"))
        batch_op.drop_index(batch_op.f("ix_studies_institution_patient_name"))
        batch_op.drop_index(batch_op.f("ix_studies_institution_patient_ideographic"))
        batch_op.drop_index(batch_op.f("ix_studies_institution_patient_id"))
        batch_op.drop_index(batch_op.f("ix_studies_institution_accession"))

    op.drop_table("studies")
    op.drop_table("sealed_packs")
    op.drop_table("removals")
    op.drop_table("arrivals")
