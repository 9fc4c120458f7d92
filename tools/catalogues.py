"""Keeps the gettext catalogues: `python -m tools.catalogues [--check | --compile]`.

Finds every text for people in Python, templates and scripts, brings `web/locale/*/LC_MESSAGES/messages.po` up to date
with all translations kept, and compiles the .mo files. With --check nothing is written: it fails when a catalogue is
out of date, a Chinese translation is missing, or one names other fields than its original.

What counts as a text for people in Python (the clinic's and the archive's, which the clinic translates): the first
argument of `_`, `N_`, `gettext`, `translate`, `refuse` and of every error of the tree that grows from `Refused` and
`Unavailable` (also in `super().__init__` and as a default `message`); both
forms of `ngettext` and `ntranslate`; the values of dicts given to `FieldsRefused` or kept in `errors` and `wrong`;
labels of `NavItem`; what validators of bodies raise as `ValueError`. A text may stand under a name of its module.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "web" / "locale"
LANGUAGES = ("zh_CN", "en")
MUST_BE_COMPLETE = ("zh_CN",)

Message = str | tuple[str, str]

_ONE = {"_", "N_", "gettext", "translate", "refuse"}
_TWO = {"ngettext", "ntranslate"}
_ROOTS = {"Refused", "Unavailable"}
_ERROR_DICTS = {"errors", "wrong", "faults", "_NOT_TAKEN"}
_SCRIPT_TEXT = re.compile(r"""\bt\(\s*("(?:[^"\\\n]|\\.)*")""")
_FIELD = re.compile(r"\{(\w+)\}|%\((\w+)\)s")


def messages() -> set[Message]:
    """All texts, from everywhere."""
    found: set[Message] = set()
    packages = ("teleconsult", "dicom_store")
    paths = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    trees = [ast.parse(path.read_text(), str(path)) for path in paths]
    families = _families(trees)
    for tree in trees:
        found |= set(from_python(tree, families))
    for path in sorted((ROOT / "web" / "templates").rglob("*.html")):
        found |= set(from_template(path.read_bytes()))
    for path in sorted((ROOT / "web" / "frontend" / "src").rglob("*.ts")):
        found |= set(from_script(path.read_text()))
    return {message for message in found if message not in ("", "…")}


def from_python(tree: ast.Module, families: set[str]) -> Iterator[Message]:
    """Texts of a module.

    Args:
        tree: The parsed module.
        families: Names of the error classes whose first argument is a text.
    """
    validates = any(isinstance(node, ast.Name) and node.id == "Incoming" for node in ast.walk(tree))
    named = dict(_named_texts(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kinds = families | ({"ValueError"} if validates else set())
            yield from _of_call(node, kinds)
            if _name(node.func) in kinds and node.args and _name(node.args[0]) in named:
                yield named[_name(node.args[0])]
        elif isinstance(node, ast.ClassDef) and node.name in families:
            yield from _of_error_class(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_holds_errors(target) for target in targets):
                yield from _texts(node.value)


def from_template(source: bytes) -> Iterator[Message]:
    """Texts of a Jinja template."""
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    for _line, _function, text, _comments in babel_extract(
        BytesIO(source), ("_", "N_", "gettext", "ngettext"), [], options
    ):
        parts = [part for part in (text if isinstance(text, tuple) else (text,)) if part is not None]
        if len(parts) > 1:
            yield parts[0], parts[1]
        elif parts:
            yield parts[0]


def from_script(source: str) -> Iterator[str]:
    """Texts of a script: `t("…")`."""
    for literal in _SCRIPT_TEXT.findall(source):
        yield str(ast.literal_eval(literal))


def _named_texts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Texts that a module gives a name, because it says them in several places."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for target in node.targets:
                yield _name(target), node.value.value


def _families(trees: list[ast.Module]) -> set[str]:
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(_name(base) for base in node.bases)
    known = set(_ROOTS)
    while grown := {name for name, of in bases.items() if of & known} - known:
        known |= grown
    return known


def _of_call(call: ast.Call, families: set[str]) -> Iterator[Message]:
    name = _name(call.func)
    if name in _TWO and len(call.args) >= 2:
        one, many = (list(_texts(part)) for part in call.args[:2])
        yield from zip(one, many, strict=False)
    elif name == "FieldsRefused" or name in families | _ONE:
        for part in call.args[:1]:
            yield from _texts(part)
    elif name == "NavItem":
        labels = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "label")]
        for part in labels:
            yield from _texts(part)


def _of_error_class(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            arguments = inner.args.args[-len(inner.args.defaults) :] if inner.args.defaults else []
            for argument, default in zip(arguments, inner.args.defaults, strict=False):
                if argument.arg == "message":
                    yield from _texts(default)
        elif isinstance(inner, ast.Call) and ast.unparse(inner.func) == "super().__init__":
            for part in inner.args[:1]:
                yield from _texts(part)


def _holds_errors(target: ast.expr) -> bool:
    inner = target.value if isinstance(target, ast.Subscript) else target
    return _name(inner) in _ERROR_DICTS


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts an expression may have: constants, both ways of a condition, values of dicts, items of lists."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _texts(part)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
    elif isinstance(node, ast.DictComp):
        yield from _texts(node.value)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def updated(language: str, found: set[Message]) -> Catalog:
    """The language's catalogue with exactly the found texts; translations are kept."""
    path = po(language)
    kept = _read(path, language) if path.exists() else Catalog(language)
    made = Catalog(
        language,
        header_comment=f"# {language} texts of Teleconsult. Written by tools/catalogues.py; fill in the msgstr lines.",
        project="Teleconsult",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        fuzzy=False,
        creation_date=kept.creation_date,
        revision_date=kept.creation_date,
    )
    for message in found:
        key = message if isinstance(message, str) else message[0]
        old = kept.get(key)
        made.add(message, old.string if old is not None and _same_kind(old.id, message) else "")
    return made


def _same_kind(old: object, new: Message) -> bool:
    return isinstance(old, str) == isinstance(new, str)


def faults(language: str, catalogue: Catalog) -> list[str]:
    """What is missing or wrong in a catalogue."""
    told = []
    for message in catalogue:
        if not message.id:
            continue
        ids = list(message.id) if isinstance(message.id, tuple) else [message.id]
        strings = list(message.string) if isinstance(message.string, tuple | list) else [message.string]
        if not all(strings):
            if language in MUST_BE_COMPLETE:
                told.append(f"{language}: not translated: {ids[0]!r}")
            continue
        named = {name for text in ids for name in _fields(text)}
        told += [f"{language}: other fields than {ids[0]!r}: {text!r}" for text in strings if _fields(text) - named]
    return sorted(told)


def _fields(text: str) -> set[str]:
    return {first or second for first, second in _FIELD.findall(text)}


def po(language: str) -> Path:
    """Where a catalogue's source is."""
    return LOCALES / language / "LC_MESSAGES" / "messages.po"


def source_of(catalogue: Catalog) -> bytes:
    """A catalogue as the text of its file, in one order always."""
    made = BytesIO()
    write_po(made, catalogue, width=110, sort_output=True, no_location=True, omit_header=False)
    return made.getvalue()


def compile_all() -> None:
    """Write the .mo files beside their sources."""
    for language in LANGUAGES:
        path = po(language)
        if path.exists():
            with path.with_suffix(".mo").open("wb") as file:
                write_mo(file, _read(path, language))


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def main(arguments: list[str] | None = None) -> int:
    """Run the tool. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.catalogues", description="Keeps the gettext catalogues.")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="write nothing; fail on what is missing")
    only.add_argument("--compile", action="store_true", help="only write the .mo files")
    chosen = parser.parse_args(arguments)
    if chosen.compile:
        compile_all()
        return 0
    found = messages()
    told: list[str] = []
    for language in LANGUAGES:
        catalogue, path = updated(language, found), po(language)
        source = source_of(catalogue)
        if not chosen.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != source:
                path.write_bytes(source)
        elif not path.exists() or {_key(it.id) for it in _read(path, language)} != {_key(it.id) for it in catalogue}:
            told.append(f"{language}: out of date; run python -m tools.catalogues")
        told += faults(language, catalogue)
    if not chosen.check:
        compile_all()
    missing = sum("not translated" in line for line in told)
    print(f"{len(found)} texts, {missing} without translation")
    if chosen.check:
        print(*told[:50], sep="\n")
    return 1 if chosen.check and told else 0


def _key(identity: object) -> str:
    return str(identity[0] if isinstance(identity, tuple | list) else identity)


if __name__ == "__main__":
    sys.exit(main())
