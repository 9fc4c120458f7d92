"""Texts of films: from bytes in the film's character set to Unicode, and folded for matching. Pure.

Films of Chinese devices often carry GBK bytes under a label that says ISO_IR 100, or under none. That is detected,
shown rightly and flagged; the bytes stay as they are.

Source: DICOM PS3.3 C.12.1.1.2, PS3.5 6.1 and annexes H, I, J, K.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

LATIN = {"", "ISO_IR 6", "ISO_IR 100", "ISO 2022 IR 6", "ISO 2022 IR 100", "ISO-IR 100"}
WHOLE = {"ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gb18030", "GB2312": "gb18030"}
_HIGH = re.compile(rb"[\x80-\xff]")
_TERM = re.compile(r"ISO[ _-](2022[ _-])?IR[ _-]\d{1,3}|GB18030|GBK|utf-?8", re.IGNORECASE)
# pydicom leaves the escape that switches back to GB 2312 (and its kin) in the text.
_ESCAPE = re.compile("\x1b(?:\\$[()]?[A-Z]|[()][A-Z])")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SURE_PAIR = re.compile(rb"[\x81-\x9f][\x80-\xfe]")
_GB_PAIR = re.compile(rb"(?:[\xb0-\xf7\xa1\xa3][\xa1-\xfe]|[\x81-\xa0][\x40-\x7e\x80-\xfe]|[\xaa-\xfe][\x80-\xa0])+")


@dataclass(frozen=True, slots=True)
class Charset:
    """How a film's texts are decoded.

    Attributes:
        codec: One Python codec for all texts, or "" where the film switches between several.
        terms: The film's own words for its character sets.
        guessed: The label was missing or wrong; `codec` is our guess.
    """

    codec: str
    terms: tuple[str, ...] = ()
    guessed: bool = False

    def decode(self, raw: bytes, delimiters: frozenset[int] = frozenset()) -> str:
        """Decode one value; never fails: what cannot be read becomes U+FFFD.

        Args:
            raw: The stored bytes.
            delimiters: Bytes after which code extensions start afresh (for a person's name: ^ and =).
        """
        if raw.isascii() and b"\x1b" not in raw:
            return clean(raw.decode("ascii"))
        if self.codec:
            return clean(_decode_whole(raw, self.codec))
        # Imported on first need: few films switch between character sets, and it takes 20 MB.
        from pydicom.charset import decode_bytes

        try:
            text = decode_bytes(raw, list(_codecs(self.terms)), set(delimiters) or {0x0D, 0x0A, 0x09, 0x0C})
        except (LookupError, UnicodeError):
            text = raw.decode("latin-1")
        return clean(_ESCAPE.sub("", text))


def charset_of(terms: tuple[str, ...], samples: list[bytes]) -> Charset:
    """Choose how to decode a film.

    Args:
        terms: Values of Specific Character Set (0008,0005).
        samples: The texts of the film that hold bytes above 7F.
    """
    terms = tuple(term.strip(" \0") for term in terms)
    if len(terms) == 1 and terms[0] in WHOLE:
        codec = WHOLE[terms[0]]
        if all(_fits(sample, codec) for sample in samples):
            return Charset(codec, terms)
        other = "gb18030" if codec == "utf-8" else "utf-8"
        if all(_fits(sample, other) for sample in samples):
            return Charset(other, terms, guessed=True)
        return Charset(codec, terms)
    if all(term in LATIN for term in terms):
        guess = _guess(samples)
        return Charset(guess or "latin-1", terms, guessed=guess is not None)
    return Charset("", terms)


def _guess(samples: list[bytes]) -> str | None:
    if not samples or any(b"\x1b" in sample for sample in samples):
        return None
    if all(_fits(sample, "utf-8") for sample in samples):
        return "utf-8"
    # Latin text holds no bytes 81 to 9F: with such a pair, the other pairs may have an ASCII letter as second byte too.
    certain = any(_SURE_PAIR.search(sample) for sample in samples)
    if all(_fits(sample, "gb18030") and (certain or _is_chinese(sample)) for sample in samples):
        return "gb18030"
    return None


def _is_chinese(sample: bytes) -> bool:
    """Whether bytes that claim to be Latin are GBK: pairs throughout, and not letters within a Latin word."""
    place = 0
    while (found := _HIGH.search(sample, place)) is not None:
        pairs = _GB_PAIR.match(sample, found.start())
        if pairs is None:
            return False
        before = sample[found.start() - 1 : found.start()]
        after = sample[pairs.end() : pairs.end() + 1]
        in_a_word = before.isalpha() or after.isalpha()
        if in_a_word and len(pairs[0]) < 4:
            return False
        if before.islower() and after.islower():
            return False
        place = pairs.end()
    return True


def _fits(sample: bytes, codec: str) -> bool:
    try:
        sample.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _decode_whole(raw: bytes, codec: str) -> str:
    return raw.decode(codec, "replace")


@lru_cache(maxsize=64)
def _codecs(terms: tuple[str, ...]) -> tuple[str, ...]:
    from pydicom.charset import convert_encodings

    # pydicom asks Python for any other word: a film could so name a codec that is slow, or none that can be named.
    known = [term if _TERM.fullmatch(term) else "" for term in terms]
    try:
        return tuple(convert_encodings(known))
    except LookupError:
        return ("latin-1",)


def clean(text: str) -> str:
    """Without control characters, which neither JSON readers nor people want."""
    return text if text.isprintable() else _CONTROL.sub("", text)


def fold(text: str) -> str:
    """A text as it is compared: case, width and the spaces around do not matter; `^` in names is a space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.replace("^", " ").casefold().split())


@lru_cache(maxsize=4096)
def sounds(name: str) -> str:
    """The words of a name by which a fuzzy search finds it, Chinese also by pinyin.

    Args:
        name: All component groups, joined by `=`.

    Returns:
        Words with a space before each: " wang fang wangfang 王芳".
    """
    words: dict[str, None] = {}
    for group in fold(name).split("="):
        spoken: list[str] = []
        for word in group.split():
            words[word] = None
            syllables = pinyin(word) if any(_is_han(character) for character in word) else [word]
            spoken.append("".join(syllables))
            words.update(dict.fromkeys([*syllables, spoken[-1]]))
        words.update(dict.fromkeys([group.replace(" ", ""), "".join(spoken)]))
    words.pop("", None)
    return "".join(f" {word}" for word in words)


def fuzzy_words(name: str) -> tuple[str, ...]:
    """The words that a fuzzily wanted name must have, each as a start: Chinese by its pinyin."""
    words: list[str] = []
    for word in fold(name).replace("*", " ").replace("?", " ").replace("=", " ").split():
        if any(_is_han(character) for character in word):
            words += pinyin(word)
        else:
            words.append(word)
    return tuple(words)


def pinyin(text: str) -> list[str]:
    """The syllables of a Chinese text without tones; other characters stay as they are, together."""
    # Imported on first need: its dictionary takes memory that a server without Chinese names need not spend.
    from pypinyin import Style, lazy_pinyin

    return [syllable for syllable in lazy_pinyin(text, style=Style.NORMAL) if syllable.strip()]


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff"
