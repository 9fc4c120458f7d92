"""The words of this room. Their text is what the database and the wire carry."""

from enum import StrEnum


class Role(StrEnum):
    """What a person or machine is at one institution."""

    REQUESTER = "requester"
    SPECIALIST = "specialist"
    COORDINATOR = "coordinator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    STATION = "station"


class Sex(StrEnum):
    """Administrative sex, as GB/T 2261.1 and HL7 know it."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class InstitutionKind(StrEnum):
    """Where in the ladder of care an institution stands."""

    VILLAGE = "village"
    TOWNSHIP = "township"
    COUNTY = "county"
    CITY = "city"
    PROVINCE = "province"
    CENTRE = "centre"
    BUREAU = "bureau"
