"""The form of a patient: what was typed into fields, and fields into what the form shows. Pure."""

from collections.abc import Mapping

from teleconsult.errors import FieldsRefused
from teleconsult.http.bodies import validated
from teleconsult.people.routes import PatientBody
from teleconsult.people.views import PatientFields

FIELDS = ("name", "id_number", "sex", "birth_date", "phone", "record_number")


def fields_of(typed: Mapping[str, str]) -> PatientFields:
    """The fields that a person typed.

    Args:
        typed: By name; `allergies_known` is `unknown`, `none` or `yes`, and `allergies` counts only with `yes`.

    Raises:
        FieldsRefused: With what to do for each wrong field.
    """
    values: dict[str, object] = {name: typed[name].strip() for name in FIELDS if typed.get(name, "").strip()}
    known = typed.get("allergies_known", "unknown")
    text = typed.get("allergies", "").strip()
    if known == "yes" and not text:
        raise FieldsRefused({"allergies": "Please write which, or choose another answer above."})
    if known in ("yes", "none"):
        values["allergies"] = text if known == "yes" else ""
    elif text:
        values["allergies"] = text  # written but not chosen: what is written counts
    return validated(PatientBody, values).fields()


def typed_of(fields: PatientFields) -> dict[str, str]:
    """What the form shows of a patient that is on record."""
    known = {None: "unknown", "": "none"}.get(fields.allergies, "yes")
    shown = {name: str(getattr(fields, name) or "") for name in FIELDS}
    return shown | {"allergies_known": known, "allergies": fields.allergies or ""}
