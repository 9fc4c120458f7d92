"""The words of agreements and consents."""

from enum import StrEnum


class ConsentHow(StrEnum):
    """How a consent was given."""

    PAPER = "paper"
    """Signed on paper; the photo is among the documents."""
    SCREEN = "screen"
    CODE = "code"
    """Confirmed with a one-time code sent to the patient."""
    SPOKEN = "spoken"
    """Said before a physician, in an emergency."""


class Consenter(StrEnum):
    """Who gave it."""

    PATIENT = "patient"
    GUARDIAN = "guardian"
    RELATIVE = "relative"


class ConsentPurpose(StrEnum):
    """What is consented to; passing data on asks for its own consent."""

    CONSULT = "consult"
    SHARING = "sharing"


class Language(StrEnum):
    """A language that consent texts are kept in."""

    CHINESE = "zh_CN"
    ENGLISH = "en"
