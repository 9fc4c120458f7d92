"""The tables of lab reports, on the index's `metadata`: whatever names a patient is encrypted or a keyed hash."""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, LargeBinary, Table

from dicom_store.storage.tables import Plain, metadata

lab_reports = Table(
    "lab_reports",
    metadata,
    Column("id", Plain, primary_key=True),
    Column("institution", Plain, nullable=False),
    # Keyed hashes (see `store`): the patient's number, their folded name, the laboratory's order, the whole content.
    Column("patient_hash", LargeBinary, nullable=False),
    Column("name_hash", LargeBinary, nullable=False),
    Column("order_hash", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("replaces", Plain, nullable=True),
    Column("replaced_by", Plain, nullable=True),
    Column("status", Plain, nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("effective_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("door", Plain, nullable=False),
    Column("caller", Plain, nullable=False),
    Column("reference", Plain, nullable=False),
    # The report as JSON, compressed and sealed with its own id and institution.
    Column("payload", LargeBinary, nullable=False),
    Index(None, "institution", "patient_hash", "effective_at"),
    Index(None, "institution", "name_hash", "effective_at"),
    Index(None, "institution", "order_hash"),
    Index(None, "institution", "effective_at"),
)

# Messages that were acknowledged: the same one sent again is acknowledged again and makes no second report.
lab_messages = Table(
    "lab_messages",
    metadata,
    Column("message_hash", LargeBinary, primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("reports", Plain, nullable=False),
)
