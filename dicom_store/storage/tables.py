"""The tables of the index. Lab reports add theirs to the same `metadata` (`labs/store.py`).

Everything is keyed by institution first: the same film held by two institutions is two films.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Compared byte by byte on both databases, so that a prefix is a range of the index.
Plain = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite makes only INTEGER, not BIGINT, its row number.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Plain, nullable=False, server_default="")


studies = Table(
    "studies",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("institution", Plain, nullable=False),
    Column("study_uid", Plain, nullable=False),
    # Folded by `charsets.fold`, for matching only.
    _text("patient_name"),
    _text("patient_ideographic"),
    _text("patient_sounds"),
    _text("patient_id"),
    _text("birth_date"),
    _text("sex"),
    _text("study_date"),
    _text("study_time"),
    _text("accession"),
    _text("study_id"),
    _text("description"),
    _text("referrer"),
    _text("modalities"),
    Column("series_count", Integer, nullable=False, server_default="0"),
    Column("instance_count", Integer, nullable=False, server_default="0"),
    # DICOM JSON without the outer braces: what every search answers, and the rest that is known.
    Column("answer", LargeBinary, nullable=False),
    Column("extra", LargeBinary, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("institution", "study_uid"),
    # The walk from the newest study on; it holds what the walk filters by, so that what is passed by is never read.
    Index("ix_studies_walk", "institution", "study_date", "id", "patient_name", "patient_ideographic", "modalities"),
    Index(None, "institution", "patient_id"),
    Index(None, "institution", "patient_name"),
    Index(None, "institution", "patient_ideographic"),
    Index(None, "institution", "accession"),
)

series = Table(
    "series",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("study", RowId, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("series_uid", Plain, nullable=False),
    _text("modality"),
    Column("number", Integer, nullable=True),
    _text("description"),
    _text("body_part"),
    _text("started_date"),
    _text("started_time"),
    _text("station"),
    Column("instance_count", Integer, nullable=False, server_default="0"),
    Column("answer", LargeBinary, nullable=False),
    Column("extra", LargeBinary, nullable=False),
    UniqueConstraint("study", "series_uid"),
    Index(None, "series_uid"),
    Index(None, "modality", "study"),
)

instances = Table(
    "instances",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("institution", Plain, nullable=False),
    Column("instance_uid", Plain, nullable=False),
    Column("series", RowId, ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("study", RowId, ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("sop_class", Plain, nullable=False),
    Column("number", Integer, nullable=True),
    Column("transfer_syntax", Plain, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("pack", Plain, nullable=False),
    Column("pack_offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("bits_allocated", Integer, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("photometric", Plain, nullable=False),
    Column("pixel_offset", BigInteger, nullable=False),
    Column("pixel_length", BigInteger, nullable=False),
    _text("flags"),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    UniqueConstraint("institution", "instance_uid"),
    # Holds all that a page of films needs to be found: a walk over a million rows would read every one of them.
    Index(None, "institution", "id"),
    Index(None, "series", "number", "id"),
    Index(None, "study"),
    Index(None, "pack"),
)

# Apart from `instances`, so that a search need not turn over pages full of headers.
headers = Table(
    "headers",
    metadata,
    Column("instance", RowId, ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    # The whole data set as DICOM JSON without the outer braces, compressed and sealed.
    Column("header", LargeBinary, nullable=False),
    # Where each fragment of encapsulated pixel data lies: see `fragments.pack_fragments`. Compressed.
    Column("fragments", LargeBinary, nullable=False),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("number", RowId, Identity(), primary_key=True, autoincrement=True),
    Column("kind", Plain, nullable=False),
    Column("institution", Plain, nullable=False),
    Column("door", Plain, nullable=False),
    Column("caller", Plain, nullable=False),
    Column("reference", Plain, nullable=False),
    Column("study", Plain, nullable=False),
    Column("subject", Plain, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

# Films that were deleted: who, when, and what their bytes were. The compactor frees their room.
removals = Table(
    "removals",
    metadata,
    Column("id", RowId, Identity(), primary_key=True, autoincrement=True),
    Column("institution", Plain, nullable=False),
    Column("study_uid", Plain, nullable=False),
    Column("instance_uid", Plain, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("pack", Plain, nullable=False),
    Column("pack_offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("caller", Plain, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    sqlite_autoincrement=True,
)

# Packs that nobody writes any more and whose torn end has been cut.
sealed_packs = Table(
    "sealed_packs",
    metadata,
    Column("pack", Plain, primary_key=True),
)
