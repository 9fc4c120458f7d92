"""All tables of the clinic."""

import sqlalchemy as sa
from alembic import op

revision = "0001_clinic"
down_revision = None
branch_labels = None
depends_on = None

# What the database itself forbids: changes of the audit and of signed opinions.
_SQLITE = (
    "CREATE TRIGGER audit_rows_no_update BEFORE UPDATE ON audit_rows BEGIN SELECT RAISE(ABORT, 'audit_rows is append-only'); END",
    "CREATE TRIGGER audit_rows_no_delete BEFORE DELETE ON audit_rows BEGIN SELECT RAISE(ABORT, 'audit_rows is append-only'); END",
    "CREATE TRIGGER audit_anchors_no_update BEFORE UPDATE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit_anchors is append-only'); END",
    "CREATE TRIGGER audit_anchors_no_delete BEFORE DELETE ON audit_anchors BEGIN SELECT RAISE(ABORT, 'audit_anchors is append-only'); END",
    "CREATE TRIGGER audit_seals_no_update BEFORE UPDATE ON audit_seals BEGIN SELECT RAISE(ABORT, 'audit_seals is append-only'); END",
    "CREATE TRIGGER audit_seals_no_delete BEFORE DELETE ON audit_seals BEGIN SELECT RAISE(ABORT, 'audit_seals is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS reports_no_update BEFORE UPDATE ON reports BEGIN SELECT RAISE(ABORT, 'a signed report never changes'); END",
    "CREATE TRIGGER IF NOT EXISTS reports_no_delete BEFORE DELETE ON reports BEGIN SELECT RAISE(ABORT, 'a signed report never changes'); END",
    "CREATE TRIGGER IF NOT EXISTS report_files_no_update BEFORE UPDATE ON report_files BEGIN SELECT RAISE(ABORT, 'a signed report never changes'); END",
    "CREATE TRIGGER IF NOT EXISTS report_files_no_delete BEFORE DELETE ON report_files BEGIN SELECT RAISE(ABORT, 'a signed report never changes'); END",
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_rows_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_rows is append-only'; END $$",
    "CREATE TRIGGER audit_rows_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_rows_refuse()",
    "CREATE OR REPLACE FUNCTION audit_anchors_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_anchors is append-only'; END $$",
    "CREATE TRIGGER audit_anchors_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors FOR EACH STATEMENT EXECUTE FUNCTION audit_anchors_refuse()",
    "CREATE OR REPLACE FUNCTION audit_seals_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit_seals is append-only'; END $$",
    "CREATE TRIGGER audit_seals_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION audit_seals_refuse()",
    "CREATE OR REPLACE FUNCTION signed_never_changes() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'a signed report never changes'; END; $$ LANGUAGE plpgsql",
    "CREATE OR REPLACE TRIGGER reports_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON reports FOR EACH STATEMENT EXECUTE FUNCTION signed_never_changes()",
    "CREATE OR REPLACE TRIGGER report_files_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON report_files FOR EACH STATEMENT EXECUTE FUNCTION signed_never_changes()",
)


def upgrade() -> None:  # noqa: PLR0915 - one statement for each table
    op.create_table(
        "audit_anchors",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_anchors")),
    )
    op.create_table(
        "audit_rows",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=120), nullable=False),
        sa.Column("actor_kind", sa.String(length=40), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_rows")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_rows_actor"), "audit_rows", ["actor"], unique=False)
    op.create_index(op.f("ix_audit_rows_institution"), "audit_rows", ["institution"], unique=False)
    op.create_index(op.f("ix_audit_rows_patient"), "audit_rows", ["patient"], unique=False)
    op.create_index(op.f("ix_audit_rows_subject"), "audit_rows", ["subject"], unique=False)
    op.create_table(
        "bridge_cursors",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bridge_cursors")),
    )
    op.create_table(
        "call_events",
        sa.Column("journal", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("room", sa.String(length=160), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("journal", "number", name=op.f("pk_call_events")),
    )
    op.create_index("ix_call_events_room", "call_events", ["room", "at"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("route", sa.String(length=300), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("effect_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", "route", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_at"), "idempotency_keys", ["at"], unique=False)
    op.create_table(
        "institutions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["institutions.id"], name=op.f("fk_institutions_parent_institutions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_institutions")),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_handled_at"), "outbox", ["handled_at"], unique=False)
    op.create_table(
        "timers",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("later", sa.String(length=200), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_timers")),
    )
    op.create_index(op.f("ix_timers_next_at"), "timers", ["next_at"], unique=False)
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_access_tokens_institution_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_tokens_token_hash")),
    )
    op.create_index(op.f("ix_access_tokens_subject"), "access_tokens", ["subject"], unique=False)
    op.create_table(
        "agreements",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("inviting_id", sa.String(length=64), nullable=False),
        sa.Column("invited_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("fee_fen", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["invited_id"], ["institutions.id"], name=op.f("fk_agreements_invited_id_institutions")
        ),
        sa.ForeignKeyConstraint(
            ["inviting_id"], ["institutions.id"], name=op.f("fk_agreements_inviting_id_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
    op.create_index(op.f("ix_agreements_invited_id"), "agreements", ["invited_id"], unique=False)
    op.create_index("ix_agreements_pair", "agreements", ["inviting_id", "invited_id"], unique=False)
    op.create_table(
        "audit_seals",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["audit_rows.number"], name=op.f("fk_audit_seals_number_audit_rows")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("number", name=op.f("uq_audit_seals_number")),
    )
    op.create_table(
        "consent_texts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consent_texts_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_texts")),
        sa.UniqueConstraint(
            "institution_id", "purpose", "language", "version", name=op.f("uq_consent_texts_institution_id")
        ),
    )
    op.create_table(
        "consult_numbers",
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consult_numbers_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("institution_id", "day", name=op.f("pk_consult_numbers")),
    )
    op.create_table(
        "departments",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_departments_institution_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departments")),
        sa.UniqueConstraint("institution", "name", name=op.f("uq_departments_institution")),
    )
    op.create_index(op.f("ix_departments_institution"), "departments", ["institution"], unique=False)
    op.create_table(
        "patients",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("sex", sa.String(length=40), nullable=False),
        sa.Column("birth_date", sa.LargeBinary(), nullable=True),
        sa.Column("id_number", sa.LargeBinary(), nullable=True),
        sa.Column("id_number_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("record_number", sa.LargeBinary(), nullable=True),
        sa.Column("record_number_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("allergies", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_patients_institution_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("institution", "id_number_key", name=op.f("uq_patients_institution")),
    )
    op.create_index(op.f("ix_patients_institution"), "patients", ["institution"], unique=False)
    op.create_index("ix_patients_phone", "patients", ["institution", "phone_key"], unique=False)
    op.create_index("ix_patients_record_number", "patients", ["institution", "record_number_key"], unique=False)
    op.create_table(
        "stations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_stations_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("name", "network", name=op.f("uq_stations_name")),
    )
    op.create_index(op.f("ix_stations_institution_id"), "stations", ["institution_id"], unique=False)
    op.create_index(op.f("ix_stations_name"), "stations", ["name"], unique=False)
    op.create_table(
        "agreement_fees",
        sa.Column("agreement_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("fee_fen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreements.id"], name=op.f("fk_agreement_fees_agreement_id_agreements")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "kind", name=op.f("pk_agreement_fees")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=40), nullable=False),
        sa.Column("consenter", sa.String(length=40), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consents_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_consents_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_patient_id"), "consents", ["patient_id"], unique=False)
    op.create_index("ix_consents_subject", "consents", ["subject", "withdrawn_at"], unique=False)
    op.create_table(
        "patient_links",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_patient_links_institution_institutions")
        ),
        sa.ForeignKeyConstraint(["patient"], ["patients.id"], name=op.f("fk_patient_links_patient_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_patient_links_token_hash")),
    )
    op.create_index(op.f("ix_patient_links_subject"), "patient_links", ["subject"], unique=False)
    op.create_table(
        "patient_name_grams",
        sa.Column("gram", sa.LargeBinary(length=16), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient"], ["patients.id"], name=op.f("fk_patient_name_grams_patient_patients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("gram", "patient", name=op.f("pk_patient_name_grams")),
    )
    op.create_index(op.f("ix_patient_name_grams_patient"), "patient_name_grams", ["patient"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("department", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["department"], ["departments.id"], name=op.f("fk_users_department_departments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("login", name=op.f("uq_users_login")),
    )
    op.create_table(
        "appointments",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("doctor_id", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("freed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["doctor_id"], ["users.id"], name=op.f("fk_appointments_doctor_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_appointments_kind")),
    )
    op.create_index("ix_appointments_doctor", "appointments", ["doctor_id", "starts_at"], unique=False)
    op.create_table(
        "consults",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=40), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("requester_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=True),
        sa.Column("target_institution_id", sa.String(length=64), nullable=True),
        sa.Column("target_department_id", sa.String(length=64), nullable=True),
        sa.Column("target_specialist_id", sa.String(length=64), nullable=True),
        sa.Column("origin_id", sa.String(length=64), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("approval_asked", sa.Boolean(), nullable=False),
        sa.Column("audit_asked", sa.Boolean(), nullable=False),
        sa.Column("returned_from", sa.String(length=40), nullable=True),
        sa.Column("reopenable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_seconds", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("author_id", sa.String(length=64), nullable=True),
        sa.Column("signer_id", sa.String(length=64), nullable=True),
        sa.Column("report_version", sa.Integer(), nullable=False),
        sa.Column("answered_version", sa.Integer(), nullable=False),
        sa.Column("adoption", sa.String(length=40), nullable=True),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("final_diagnosis", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_consults_author_id_users")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consults_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["origin_id"], ["consults.id"], name=op.f("fk_consults_origin_id_consults")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_consults_patient_id_patients")),
        sa.ForeignKeyConstraint(["requester_id"], ["users.id"], name=op.f("fk_consults_requester_id_users")),
        sa.ForeignKeyConstraint(["signer_id"], ["users.id"], name=op.f("fk_consults_signer_id_users")),
        sa.ForeignKeyConstraint(
            ["target_department_id"], ["departments.id"], name=op.f("fk_consults_target_department_id_departments")
        ),
        sa.ForeignKeyConstraint(
            ["target_institution_id"], ["institutions.id"], name=op.f("fk_consults_target_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(
            ["target_specialist_id"], ["users.id"], name=op.f("fk_consults_target_specialist_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consults")),
        sa.UniqueConstraint("institution_id", "number", name=op.f("uq_consults_institution_id")),
    )
    op.create_index(op.f("ix_consults_due_at"), "consults", ["due_at"], unique=False)
    op.create_index(
        "ix_consults_institution",
        "consults",
        ["institution_id", "state", "kind", "priority", "due_at", "id", "submitted_at"],
        unique=False,
    )
    op.create_index(op.f("ix_consults_number"), "consults", ["number"], unique=False)
    op.create_index("ix_consults_patient", "consults", ["patient_id"], unique=False)
    op.create_index(
        "ix_consults_requester",
        "consults",
        ["requester_id", "institution_id", "state", "kind", "priority", "due_at", "id"],
        unique=False,
    )
    op.create_index("ix_consults_signer", "consults", ["signer_id"], unique=False)
    op.create_index(
        "ix_consults_target",
        "consults",
        ["target_institution_id", "state", "kind", "priority", "due_at", "id", "clock_began_at"],
        unique=False,
    )
    op.create_table(
        "duty_turns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("department_id", sa.String(length=64), nullable=True),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("days", sa.String(length=7), nullable=False),
        sa.Column("from_minute", sa.Integer(), nullable=False),
        sa.Column("to_minute", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_duty_turns_department_id_departments")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_duty_turns_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_duty_turns_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_turns")),
    )
    op.create_index("ix_duty_turns_institution", "duty_turns", ["institution_id", "department_id"], unique=False)
    op.create_table(
        "link_codes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("phone_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["link"], ["patient_links.id"], name=op.f("fk_link_codes_link_patient_links")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_codes")),
    )
    op.create_index("ix_link_codes_link", "link_codes", ["link", "sent_at"], unique=False)
    op.create_index("ix_link_codes_phone", "link_codes", ["phone_key", "sent_at"], unique=False)
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_login_sessions_institution_institutions")
        ),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_login_sessions_user_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_sessions_token_hash")),
    )
    op.create_index(op.f("ix_login_sessions_user"), "login_sessions", ["user"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["institution"], ["institutions.id"], name=op.f("fk_memberships_institution_institutions")
        ),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_memberships_user_users")),
        sa.PrimaryKeyConstraint("user", "institution", "role", name=op.f("pk_memberships")),
    )
    op.create_index(op.f("ix_memberships_institution"), "memberships", ["institution"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("message", sa.String(length=300), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("loud", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notifications_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("user_id", "occasion", name=op.f("uq_notifications_user_id")),
    )
    op.create_index(op.f("ix_notifications_subject"), "notifications", ["subject"], unique=False)
    op.create_index("ix_notifications_unread", "notifications", ["user_id", "read_at"], unique=False)
    op.create_table(
        "passwords",
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_passwords_user_users")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_passwords")),
    )
    op.create_table(
        "tours_seen",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tours_seen_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_tours_seen")),
    )
    op.create_table(
        "call_seats",
        sa.Column("room", sa.String(length=160), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("credential", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=True),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("out_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_call_seats_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_call_seats_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("room", "participant", name=op.f("pk_call_seats")),
    )
    op.create_index("ix_call_seats_actor", "call_seats", ["actor_id"], unique=False)
    op.create_index("ix_call_seats_consult", "call_seats", ["consult_id"], unique=False)
    op.create_index("ix_call_seats_credential", "call_seats", ["credential"], unique=False)
    op.create_table(
        "calls",
        sa.Column("room", sa.String(length=160), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("visit_id", sa.String(length=64), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_calls_consult_id_consults")),
        sa.PrimaryKeyConstraint("room", name=op.f("pk_calls")),
        sa.UniqueConstraint("consult_id", "number", name=op.f("uq_calls_consult_id")),
    )
    op.create_index("ix_calls_visit", "calls", ["visit_id"], unique=False)
    op.create_table(
        "consult_asked_items",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consult_id"], ["consults.id"], name=op.f("fk_consult_asked_items_consult_id_consults")
        ),
        sa.PrimaryKeyConstraint("consult_id", "number", name=op.f("pk_consult_asked_items")),
    )
    op.create_table(
        "consult_entries",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(length=40), nullable=True),
        sa.Column("move", sa.String(length=40), nullable=True),
        sa.Column("source", sa.String(length=40), nullable=True),
        sa.Column("target", sa.String(length=40), nullable=True),
        sa.Column("message_number", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_consult_entries_consult_id_consults")),
        sa.PrimaryKeyConstraint("consult_id", "number", name=op.f("pk_consult_entries")),
    )
    op.create_table(
        "consult_levels",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("agreement_id", sa.String(length=64), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreements.id"], name=op.f("fk_consult_levels_agreement_id_agreements")
        ),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_consult_levels_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consult_levels_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("consult_id", "number", name=op.f("pk_consult_levels")),
    )
    op.create_index(op.f("ix_consult_levels_institution_id"), "consult_levels", ["institution_id"], unique=False)
    op.create_table(
        "consult_materials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("modalities", sa.String(length=120), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_consult_materials_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consult_materials_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consult_materials")),
        sa.UniqueConstraint(
            "consult_id", "kind", "institution_id", "reference", name=op.f("uq_consult_materials_consult_id")
        ),
    )
    op.create_index(
        "ix_consult_materials_reference", "consult_materials", ["kind", "institution_id", "reference"], unique=False
    )
    op.create_table(
        "consult_read_marks",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consult_id"], ["consults.id"], name=op.f("fk_consult_read_marks_consult_id_consults")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_consult_read_marks_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "consult_id", name=op.f("pk_consult_read_marks")),
    )
    op.create_table(
        "consult_seats",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=True),
        sa.Column("department_id", sa.String(length=64), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_consult_seats_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["department_id"], ["departments.id"], name=op.f("fk_consult_seats_department_id_departments")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_consult_seats_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_consult_seats_user_id_users")),
        sa.PrimaryKeyConstraint("consult_id", "number", name=op.f("pk_consult_seats")),
    )
    op.create_index("ix_consult_seats_department", "consult_seats", ["department_id", "left_at"], unique=False)
    op.create_index("ix_consult_seats_user", "consult_seats", ["user_id", "left_at"], unique=False)
    op.create_index(
        "uq_consult_seats_one_lead",
        "consult_seats",
        ["consult_id"],
        unique=True,
        sqlite_where=sa.text("lead AND left_at IS NULL"),
        postgresql_where=sa.text("lead AND left_at IS NULL"),
    )
    op.create_table(
        "critical_notices",
        sa.Column("lab_report_id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("results", sa.Integer(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_critical_notices_consult_id_consults")),
        sa.PrimaryKeyConstraint("lab_report_id", "consult_id", name=op.f("pk_critical_notices")),
    )
    op.create_table(
        "report_drafts",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amends", sa.Integer(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_report_drafts_author_id_users")),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_report_drafts_consult_id_consults")),
        sa.PrimaryKeyConstraint("consult_id", name=op.f("pk_report_drafts")),
    )
    op.create_table(
        "report_key_images",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=64), nullable=False),
        sa.Column("instance_uid", sa.String(length=64), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("window_center", sa.Double(), nullable=True),
        sa.Column("window_width", sa.Double(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name=op.f("fk_report_key_images_added_by_users")),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_report_key_images_consult_id_consults")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_key_images")),
    )
    op.create_index(op.f("ix_report_key_images_consult_id"), "report_key_images", ["consult_id"], unique=False)
    op.create_table(
        "report_locks",
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("holder_id", sa.String(length=64), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_report_locks_consult_id_consults")),
        sa.ForeignKeyConstraint(["holder_id"], ["users.id"], name=op.f("fk_report_locks_holder_id_users")),
        sa.PrimaryKeyConstraint("consult_id", name=op.f("pk_report_locks")),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaces_id", sa.String(length=64), nullable=True),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("signer_id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=24), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_reports_author_id_users")),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_reports_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_reports_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["replaces_id"], ["reports.id"], name=op.f("fk_reports_replaces_id_reports")),
        sa.ForeignKeyConstraint(["signer_id"], ["users.id"], name=op.f("fk_reports_signer_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("code", name=op.f("uq_reports_code")),
        sa.UniqueConstraint("consult_id", "version", name=op.f("uq_reports_consult_id")),
    )
    op.create_table(
        "unmatched",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=True),
        sa.Column("how", sa.String(length=40), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_unmatched_consult_id_consults")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_unmatched_institution_id_institutions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmatched")),
        sa.UniqueConstraint("institution_id", "kind", "reference", name=op.f("uq_unmatched_institution_id")),
    )
    op.create_index(op.f("ix_unmatched_consult_id"), "unmatched", ["consult_id"], unique=False)
    op.create_index("ix_unmatched_waiting", "unmatched", ["institution_id", "state", "arrived_at"], unique=False)
    op.create_table(
        "visits",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("consult_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("institution_id", sa.String(length=64), nullable=False),
        sa.Column("doctor_id", sa.String(length=64), nullable=False),
        sa.Column("booked_by", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["booked_by"], ["users.id"], name=op.f("fk_visits_booked_by_users")),
        sa.ForeignKeyConstraint(["consult_id"], ["consults.id"], name=op.f("fk_visits_consult_id_consults")),
        sa.ForeignKeyConstraint(["doctor_id"], ["users.id"], name=op.f("fk_visits_doctor_id_users")),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institutions.id"], name=op.f("fk_visits_institution_id_institutions")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name=op.f("fk_visits_patient_id_patients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_consult", "visits", ["consult_id", "starts_at"], unique=False)
    op.create_index("ix_visits_patient", "visits", ["patient_id", "starts_at"], unique=False)
    op.create_table(
        "report_files",
        sa.Column("report_id", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_files_report_id_reports")),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report_files")),
    )

    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:  # noqa: PLR0915
    op.drop_table("report_files")
    op.drop_index("ix_visits_patient", table_name="visits")
    op.drop_index("ix_visits_consult", table_name="visits")
    op.drop_table("visits")
    op.drop_index("ix_unmatched_waiting", table_name="unmatched")
    op.drop_index(op.f("ix_unmatched_consult_id"), table_name="unmatched")
    op.drop_table("unmatched")
    op.drop_table("reports")
    op.drop_table("report_locks")
    op.drop_index(op.f("ix_report_key_images_consult_id"), table_name="report_key_images")
    op.drop_table("report_key_images")
    op.drop_table("report_drafts")
    op.drop_table("critical_notices")
    op.drop_index(
        "uq_consult_seats_one_lead",
        table_name="consult_seats",
        sqlite_where=sa.text("lead AND left_at IS NULL"),
        postgresql_where=sa.text("lead AND left_at IS NULL"),
    )
    op.drop_index("ix_consult_seats_user", table_name="consult_seats")
    op.drop_index("ix_consult_seats_department", table_name="consult_seats")
    op.drop_table("consult_seats")
    op.drop_table("consult_read_marks")
    op.drop_index("ix_consult_materials_reference", table_name="consult_materials")
    op.drop_table("consult_materials")
    op.drop_index(op.f("ix_consult_levels_institution_id"), table_name="consult_levels")
    op.drop_table("consult_levels")
    op.drop_table("consult_entries")
    op.drop_table("consult_asked_items")
    op.drop_index("ix_calls_visit", table_name="calls")
    op.drop_table("calls")
    op.drop_index("ix_call_seats_credential", table_name="call_seats")
    op.drop_index("ix_call_seats_consult", table_name="call_seats")
    op.drop_index("ix_call_seats_actor", table_name="call_seats")
    op.drop_table("call_seats")
    op.drop_table("tours_seen")
    op.drop_table("passwords")
    op.drop_index("ix_notifications_unread", table_name="notifications")
    op.drop_index(op.f("ix_notifications_subject"), table_name="notifications")
    op.drop_table("notifications")
    op.drop_index(op.f("ix_memberships_institution"), table_name="memberships")
    op.drop_table("memberships")
    op.drop_index(op.f("ix_login_sessions_user"), table_name="login_sessions")
    op.drop_table("login_sessions")
    op.drop_index("ix_link_codes_phone", table_name="link_codes")
    op.drop_index("ix_link_codes_link", table_name="link_codes")
    op.drop_table("link_codes")
    op.drop_index("ix_duty_turns_institution", table_name="duty_turns")
    op.drop_table("duty_turns")
    op.drop_index("ix_consults_target", table_name="consults")
    op.drop_index("ix_consults_signer", table_name="consults")
    op.drop_index("ix_consults_requester", table_name="consults")
    op.drop_index("ix_consults_patient", table_name="consults")
    op.drop_index(op.f("ix_consults_number"), table_name="consults")
    op.drop_index("ix_consults_institution", table_name="consults")
    op.drop_index(op.f("ix_consults_due_at"), table_name="consults")
    op.drop_table("consults")
    op.drop_index("ix_appointments_doctor", table_name="appointments")
    op.drop_table("appointments")
    op.drop_table("users")
    op.drop_index(op.f("ix_patient_name_grams_patient"), table_name="patient_name_grams")
    op.drop_table("patient_name_grams")
    op.drop_index(op.f("ix_patient_links_subject"), table_name="patient_links")
    op.drop_table("patient_links")
    op.drop_index("ix_consents_subject", table_name="consents")
    op.drop_index(op.f("ix_consents_patient_id"), table_name="consents")
    op.drop_table("consents")
    op.drop_table("agreement_fees")
    op.drop_index(op.f("ix_stations_name"), table_name="stations")
    op.drop_index(op.f("ix_stations_institution_id"), table_name="stations")
    op.drop_table("stations")
    op.drop_index("ix_patients_record_number", table_name="patients")
    op.drop_index("ix_patients_phone", table_name="patients")
    op.drop_index(op.f("ix_patients_institution"), table_name="patients")
    op.drop_table("patients")
    op.drop_index(op.f("ix_departments_institution"), table_name="departments")
    op.drop_table("departments")
    op.drop_table("consult_numbers")
    op.drop_table("consent_texts")
    op.drop_table("audit_seals")
    op.drop_index("ix_agreements_pair", table_name="agreements")
    op.drop_index(op.f("ix_agreements_invited_id"), table_name="agreements")
    op.drop_table("agreements")
    op.drop_index(op.f("ix_access_tokens_subject"), table_name="access_tokens")
    op.drop_table("access_tokens")
    op.drop_index(op.f("ix_timers_next_at"), table_name="timers")
    op.drop_table("timers")
    op.drop_index(op.f("ix_outbox_handled_at"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("institutions")
    op.drop_index(op.f("ix_idempotency_keys_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_call_events_room", table_name="call_events")
    op.drop_table("call_events")
    op.drop_table("bridge_cursors")
    op.drop_index(op.f("ix_audit_rows_subject"), table_name="audit_rows")
    op.drop_index(op.f("ix_audit_rows_patient"), table_name="audit_rows")
    op.drop_index(op.f("ix_audit_rows_institution"), table_name="audit_rows")
    op.drop_index(op.f("ix_audit_rows_actor"), table_name="audit_rows")
    op.drop_table("audit_rows")
    op.drop_table("audit_anchors")
