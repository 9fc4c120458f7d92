"""The templates by themselves: every page in both languages, every icon there, nothing that the CSP forbids."""

import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path

import pytest

from teleconsult.http.jinja import environment
from tests.web.samples import PAGES, render
from tools import page_messages

WEB = Path(__file__).parents[2] / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
_ICONS = ET.parse(WEB / "static" / "icons.svg").getroot()  # noqa: S314 - our own file
SPRITE = {symbol.get("id") for symbol in _ICONS.iter() if symbol.get("id")}


@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_drawn_in_both_languages(name: str, language: str) -> None:
    template, path, context = PAGES[name]
    html = render(template, language, path, **context)
    assert f'<html lang="{language.replace("_", "-")}"' in html
    assert html.count("<h1") == 1
    assert len(re.findall(r'class="[^"]*\bprimary\b', html)) <= 1
    used = set(re.findall(r'icons\.svg[^"#]*#([a-z0-9-]+)', html))
    assert used <= SPRITE
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", PAGES)
def test_a_chinese_page_speaks_chinese(name: str) -> None:
    template, path, context = PAGES[name]
    html = render(template, path=path, **context)
    words = unescape(re.sub(r"<script.*?</script>|<svg.*?</svg>|<[^>]+>", " ", html, flags=re.DOTALL))
    english = set(re.findall(r"[A-Za-z]{4,}", words)) - {"English", "Enter", "PaCO", "mmHg", "Chromium"}
    assert not english


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(WEB / "templates")))
def test_no_template_holds_what_the_csp_forbids(template: Path) -> None:
    text = template.read_text()
    environment("en").get_template(str(template.relative_to(WEB / "templates")))
    assert " style=" not in text
    assert "javascript:" not in text
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*(type=\"application/json\"|src=))", text)
    assert "| safe" not in text


def test_the_texts_of_the_scripts_are_up_to_date() -> None:
    found = page_messages.groups(page_messages.SOURCE.read_text())
    assert page_messages.TARGET.read_text() == page_messages.template(found)
