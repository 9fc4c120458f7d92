"""Institutions, departments, users, memberships, patients. Patients' fields are sealed; search goes by keyed hashes."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.db import Record


class Institution(Record):
    """A hospital, clinic, centre or bureau."""

    __tablename__ = "institutions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(40))
    parent: Mapped[str | None] = mapped_column(ForeignKey("institutions.id"))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Department(Record):
    """A department of an institution."""

    __tablename__ = "departments"
    __table_args__ = (UniqueConstraint("institution", "name"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))


class User(Record):
    """A person of the staff. Passwords and sessions are the access room's."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    login: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(40), default="")
    department: Mapped[str | None] = mapped_column(ForeignKey("departments.id"))
    language: Mapped[str] = mapped_column(String(10), default="zh_CN")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Membership(Record):
    """A role of a user at an institution."""

    __tablename__ = "memberships"

    user: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(40), primary_key=True)
    since: Mapped[datetime]


class Patient(Record):
    """A patient of one institution. `*_key` are keyed hashes for exact search."""

    __tablename__ = "patients"
    __table_args__ = (
        UniqueConstraint("institution", "id_number_key"),
        Index("ix_patients_phone", "institution", "phone_key"),
        Index("ix_patients_record_number", "institution", "record_number_key"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    institution: Mapped[str] = mapped_column(ForeignKey("institutions.id"), index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    sex: Mapped[str] = mapped_column(String(40))
    birth_date: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number: Mapped[bytes | None] = mapped_column(LargeBinary)
    id_number_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    phone: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    record_number: Mapped[bytes | None] = mapped_column(LargeBinary)
    record_number_key: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    allergies: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class PatientNameGram(Record):
    """A keyed hash of a piece of a patient's name; the key differs per institution."""

    __tablename__ = "patient_name_grams"

    gram: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    patient: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True, index=True)
