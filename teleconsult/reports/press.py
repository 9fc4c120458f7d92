"""The press: a sheet and its pictures become a PDF/A-2b. Typst itself runs in a confined child."""

import base64
import dataclasses
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

from teleconsult.errors import Refused, Unavailable
from teleconsult.reports.confined import Confined
from teleconsult.reports.sheet import Sheet

_TIME_LIMIT = timedelta(seconds=30)
_MAX_PDF_BYTES = 16 << 20
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Printed:
    """A PDF, not yet signed.

    Attributes:
        missing: Characters that no font has; only a draft is printed with any.
    """

    pdf: bytes
    missing: tuple[str, ...] = ()


class GlyphsMissing(Refused):
    """A character of the report cannot be printed."""

    code = "glyphs_missing"

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        super().__init__(
            "These characters cannot be printed, so the report was not signed: {characters}. Write them another way "
            "(for a rare name: the pinyin in brackets), or ask the administrator to add a font that has them.",
            characters=", ".join(named(each) for each in self.characters),
        )


class Press:
    """Prints sheets.

    Args:
        own_fonts: A folder with the site's own fonts for rare names; it need not exist.
    """

    def __init__(self, own_fonts: Path | None = None) -> None:
        self._own_fonts = own_fonts
        self._typesetter = Confined(
            "teleconsult.reports.typesetter", at_once=_AT_ONCE, time_limit=_TIME_LIMIT, max_bytes=_MAX_PDF_BYTES
        )

    async def print_final(self, sheet: Sheet, pictures: Sequence[bytes], at: datetime) -> bytes:
        """The PDF/A-2b that will be signed.

        Raises:
            GlyphsMissing: It holds a character that no font has.
            Refused: A key image cannot be read.
            Unavailable: The typesetter died or took too long.
        """
        printed = await self._print(sheet, pictures, at, draft=False)
        if printed.missing:
            raise GlyphsMissing(printed.missing)
        return printed.pdf

    async def print_draft(self, sheet: Sheet, pictures: Sequence[bytes], at: datetime) -> Printed:
        """A preview; what cannot be printed is an empty box, and named.

        Raises:
            Refused: A key image cannot be read.
            Unavailable: The typesetter died or took too long.
        """
        return await self._print(sheet, pictures, at, draft=True)

    async def _print(self, sheet: Sheet, pictures: Sequence[bytes], at: datetime, *, draft: bool) -> Printed:
        order = {
            "sheet": dataclasses.asdict(sheet),
            "pictures": [base64.b64encode(each).decode() for each in pictures],
            "fonts": self._fonts(),
            "at": at.isoformat(),
            "draft": draft,
        }
        answer = await self._typesetter.run(json.dumps(order).encode())
        if answer is None:
            raise Unavailable("The report could not be printed right now. Your text is kept; please try again.")
        head, _, pdf = answer.partition(b"\n")
        said = json.loads(head)
        if "picture" in said:
            raise Refused("A key image cannot be read. Remove it from the report, or choose it again.", code="picture")
        return Printed(pdf, tuple(dict.fromkeys("".join(said["missing"]))))

    def _fonts(self) -> list[str]:
        carried = str(files("noto_cjk_sans_otc"))
        own = self._own_fonts
        return [carried, str(own)] if own is not None and own.is_dir() else [carried]


def named(character: str) -> str:
    """A character as a person can look it up: itself, its number and its name."""
    name = unicodedata.name(character, "unnamed")
    shown = character if character.isprintable() else " "
    return f"{shown} (U+{ord(character):04X} {name})"
