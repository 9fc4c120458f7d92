"""Pure decisions about identity: numbers, phones, names, ages, and how a name is found again."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from teleconsult.errors import FieldsRefused
from teleconsult.http.bodies import N_
from teleconsult.people.state import Sex

_ID_NUMBER = re.compile(r"[1-9]\d{16}[\dX]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, 4.2
_CHECK = "10X98765432"
_PHONE = re.compile(r"\+?\d{5,15}")
_LOGIN = re.compile(r"[\w.@\-]{2,80}")
_NAME_MOST = 60


@dataclass(frozen=True, slots=True)
class IdNumber:
    """A Chinese identity number that adds up.

    Attributes:
        text: 18 characters, the last may be X.
        birth_date: As the number says.
        sex: As the number says.
    """

    text: str
    birth_date: date
    sex: Sex


def read_id_number(text: str, today: date) -> IdNumber:
    """Check an identity number and read from it what it says.

    Raises:
        FieldsRefused: It cannot be one; the hint says which part to look at.

    Source: GB 11643-1999.
    """
    number = unicodedata.normalize("NFKC", text).replace(" ", "").upper()
    if _ID_NUMBER.fullmatch(number) is None:
        raise _id_refused(N_("An identity number has 18 characters: 17 digits, then a digit or X."))
    born = _date(number[6:14])
    if born is None or not date(1880, 1, 1) <= born <= today:
        raise _id_refused(N_("Digits 7 to 14 are the date of birth; this date cannot be right."))
    if _CHECK[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False)) % 11] != number[17]:
        raise _id_refused(N_("The last character does not fit the rest: one digit is wrong or two are swapped."))
    return IdNumber(number, born, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE)


def normal_phone(text: str) -> str:
    """A phone number without blanks and dashes.

    Raises:
        FieldsRefused: Not a phone number.
    """
    number = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    if _PHONE.fullmatch(number) is None:
        raise FieldsRefused({"phone": "A phone number has 5 to 15 digits."})
    return number.removeprefix("+86") if len(number) == len("+8613800000000") else number


def normal_login(text: str) -> str:
    """A login name as it is kept and compared: without regard to case.

    Raises:
        FieldsRefused: Letters, digits and . _ @ - only, 2 to 80 of them.
    """
    login = unicodedata.normalize("NFKC", text).strip().casefold()
    if _LOGIN.fullmatch(login) is None:
        raise FieldsRefused({"login": "A login name has 2 to 80 letters, digits or . _ @ -"})
    return login


def normal_name(text: str) -> str:
    """A name as it is kept: one form of each character, single blanks.

    Raises:
        FieldsRefused: Empty or too long.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not 0 < len(name) <= _NAME_MOST:
        raise FieldsRefused({"name": "Please give the name as it stands in the papers."})
    return name


def age_on(birth_date: date, day: date) -> int:
    """Whole years lived on a day."""
    before_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - before_birthday


def name_grams(name: str) -> frozenset[str]:
    """All texts by which a name is found: its 1- and 2-grams, pinyin from the start, initials from the start.

    Trigram search finds nothing for a name of two characters, and most Chinese names have two or three.
    """
    folded = _folded(name)
    grams = set(folded) | {folded[place : place + 2] for place in range(len(folded) - 1)}
    syllables, initials = _pinyin(folded)
    for end in range(1, len(syllables) + 1):
        grams.add("=" + "".join(syllables[:end]))
        grams.add("-" + initials[:end])
    return frozenset(grams)


def query_grams(query: str) -> tuple[frozenset[str], ...]:
    """What to look for: a name fits when it has all the grams of one of these sets. Empty for an empty query."""
    folded = _folded(query)[:_NAME_MOST]
    if not folded:
        return ()
    parts = {folded[place : place + 2] for place in range(len(folded) - 1)} or {folded}
    ways = [frozenset(parts)]
    if folded.isascii() and folded.isalpha():
        ways += [frozenset({"=" + folded}), frozenset({"-" + folded})]
    return tuple(ways)


def name_fits(name: str, query: str) -> bool:
    """Whether a name really is what was looked for; grams alone may lie about the order."""
    folded, wanted = _folded(name), _folded(query)
    if not wanted:
        return False
    syllables, initials = _pinyin(folded)
    return wanted in folded or initials.startswith(wanted) or "".join(syllables).startswith(wanted)


def same_name(name: str, other: str) -> bool:
    """Whether two writings are one name: the same characters, or one is the other in pinyin."""
    mine, theirs = _folded(name), _folded(other)
    if not mine or not theirs:
        return False
    return mine == theirs or theirs in _spellings(mine) or mine in _spellings(theirs)


def _spellings(folded: str) -> frozenset[str]:
    """A Chinese name in pinyin: family name first, and last as passports and scanners often have it."""
    if folded.isascii():
        return frozenset()
    syllables, _ = _pinyin(folded)
    return frozenset({"".join(syllables), "".join([*syllables[1:], *syllables[:1]])})


def _folded(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in normal if character.isalnum())


def _pinyin(folded: str) -> tuple[list[str], str]:
    if folded.isascii():
        return [folded], folded[:1]
    # Imported on first need: its dictionary is a quarter of a second of the start of every process.
    from pypinyin import Style, lazy_pinyin

    syllables = lazy_pinyin(folded, style=Style.NORMAL, errors="default")
    return syllables, "".join(syllable[:1] for syllable in syllables)


def _date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _id_refused(hint: str) -> FieldsRefused:
    return FieldsRefused({"id_number": hint})
