import ast

import pytest
from babel.messages.catalog import Catalog

from tools import catalogues

FAMILIES = {"Refused", "NotAllowed", "FieldsRefused", "PatientExists"}


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('raise Refused("No.", code="x")', {"No."}),
        ('raise errors.NotAllowed("No." if a else "Never.")', {"No.", "Never."}),
        ('raise FieldsRefused({"a": "Fill a.", "b": N_("Fill b.")})', {"Fill a.", "Fill b."}),
        ('wrong["a"] = "Fill a."\nother["b"] = "not a text"', {"Fill a."}),
        ('translate("One", language)\n_("Two")', {"One", "Two"}),
        ('ngettext("{n} day", "{n} days", n)', {("{n} day", "{n} days")}),
        ('class PatientExists(Refused):\n def __init__(self, message="Here."):\n  super().__init__("There.")',
         {"Here.", "There."}),
        ('NavItem("/x", "Cases", "icon")', {"Cases"}),
        ('class B(Incoming):\n def check(self):\n  raise ValueError("Give a day.")', {"Give a day."}),
        ('raise ValueError("a bug")\nlog.info("x")', set()),
    ],
)  # fmt: skip
def test_texts_of_python_are_found(source, texts):
    assert set(catalogues.from_python(ast.parse(source), FAMILIES)) == texts


def test_texts_of_templates_and_scripts_are_found():
    template = b"<p>{{ _('One') }}{% trans %}Two{% endtrans %}{{ ngettext('a', 'b', n) }}</p>"
    assert set(catalogues.from_template(template)) == {"One", "Two", ("a", "b")}
    assert set(catalogues.from_script('t("Three \\"x\\"") + at("no")')) == {'Three "x"'}


def test_the_house_finds_its_own_errors():
    assert "Please log in." in catalogues.messages()


def test_what_is_missing_or_names_other_fields_is_told():
    made = Catalog("zh_CN")
    made.add("One {a}", "一 {b}")
    made.add("Two", "")
    told = catalogues.faults("zh_CN", made)
    assert len(told) == 2
    assert any("other fields" in line for line in told)
    assert catalogues.faults("en", Catalog("en")) == []
