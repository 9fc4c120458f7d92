"""Writes `web/templates/partials/messages.html`: the texts the scripts use, so that pages bring their translations.

The source is `web/frontend/src/messages.ts`, which itself is made from the scripts. A test asserts that both agree.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "web" / "frontend" / "src" / "messages.ts"
TARGET = ROOT / "web" / "templates" / "partials" / "messages.html"

_GROUP = re.compile(r"^  (\w+): \[(.*?)^  \],", re.MULTILINE | re.DOTALL)
_TEXT = re.compile(r't\((".*?(?<!\\)")\)', re.DOTALL)


def groups(source: str) -> dict[str, list[str]]:
    """The msgids of each group, in the order of the source."""
    return {name: [json.loads(text) for text in _TEXT.findall(body)] for name, body in _GROUP.findall(source)}


def template(found: dict[str, list[str]]) -> str:
    """The partial: one macro that prints the JSON block of the groups a page names."""
    lines = [
        "{#- Written by tools/page_messages.py from web/frontend/src/messages.ts: do not edit. -#}",
        "{% macro block() %}",
        "{% set texts = dict() %}",
    ]
    for name, msgids in found.items():
        lines.append(f'{{% if "{name}" in varargs %}}{{% set texts = dict(texts, **{{')
        lines.extend(f"  {_quoted(text)}: _({_quoted(text)})," for text in msgids)
        lines.append("}) %}{% endif %}")
    lines.append('<script type="application/json" id="messages">{{ texts | tojson }}</script>')
    lines.append("{% endmacro %}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> None:
    """Write the partial."""
    TARGET.write_text(template(groups(SOURCE.read_text())))


if __name__ == "__main__":
    main()
