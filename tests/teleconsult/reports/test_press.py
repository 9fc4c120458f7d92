import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from teleconsult.errors import Refused
from teleconsult.reports.press import GlyphsMissing, Press, named
from teleconsult.reports.sheet import LabPanel, LabRow, Part, Person, Picture
from tests.builders.opinions import NOW, film, sheet

EVIL = '#let x = 1; #panic("ran") *bold* $x^2$ `raw` @ref <label> // gone /* gone */ \\ #read("/etc/passwd") ]#['


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


async def test_the_printed_text_holds_patient_findings_opinion_and_specialist_in_chinese(press: Press) -> None:
    text = text_of(await press.print_final(sheet(), [film()], NOW))
    for words in ("周启明", "3317", "软组织密度结节", "周围型肺癌可能性大", "转上级医院评估", "沈若川", "主任医师"):
        assert words in text
    for words in (
        "远程会诊意见书",
        "HZ-20261123-0047",
        "12.5",
        "ABCD-EFGH-JKLM-NPQR",
        "第 1 页，共",
        "2026-11-23 14:07:08",
    ):
        assert words in text
    assert "供申请方参考" in text
    assert "SpO₂" in text


async def test_it_is_pdf_a_2b_with_its_fonts_inside_and_takes_less_than_two_seconds(press: Press) -> None:
    await press.print_final(sheet(), [film()], NOW)
    began = time.monotonic()
    pdf = await press.print_final(sheet(), [film()], NOW)
    assert time.monotonic() - began < 2 * 10  # The aim is 2 s; ten times that on a busy machine.
    metadata = PdfReader(BytesIO(pdf)).trailer["/Root"]["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert b"/JavaScript" not in pdf
    assert len(pdf) < 1 << 20


async def test_typst_code_in_every_field_is_printed_as_text(press: Press) -> None:
    evil = sheet(
        institution=EVIL,
        kind=EVIL,
        number=EVIL,
        foot=EVIL,
        notice=EVIL,
        facts=((EVIL, EVIL),),
        before=(Part(EVIL, EVIL),),
        after=(Part(EVIL, EVIL),),
        people=(Person(EVIL, EVIL, EVIL, EVIL),),
        labs=(LabPanel(EVIL, (LabRow((EVIL, EVIL, EVIL, EVIL, EVIL)),)),),
        measurements=((EVIL, EVIL, EVIL),),
        images=(Picture(EVIL, EVIL),),
        signed_at=EVIL,
        code=EVIL,
    )
    text = "".join(text_of(await press.print_final(evil, [film()], NOW)).split())
    assert text.count("#panic(") >= 20
    assert text.count('#read("/etc/passwd")') >= 20
    assert "root:" not in text


async def test_rare_names_of_real_people_are_printed(press: Press) -> None:
    names = "𠮷㛃䶮堃喆祎烜翀玥垚龘犇骉淼㼆頔羿媖昇𬭎"
    assert names in text_of(await press.print_final(sheet(facts=(("姓名", names),)), [film()], NOW))


async def test_a_character_without_a_glyph_refuses_the_final_print_by_its_name(press: Press) -> None:
    with pytest.raises(GlyphsMissing) as refused:
        await press.print_final(sheet(facts=(("姓名", "周\U0002a6a5😀"),)), [film()], NOW)
    assert refused.value.characters == ("\U0002a6a5", "😀")
    assert "U+2A6A5 CJK UNIFIED IDEOGRAPH-2A6A5" in str(refused.value)
    assert "U+1F600 GRINNING FACE" in str(refused.value)


async def test_a_draft_with_such_a_character_is_printed_and_names_it(press: Press) -> None:
    printed = await press.print_draft(sheet(before=(Part("病史", "😀"),), watermark="草稿"), [film()], NOW)
    assert printed.missing == ("😀",)
    assert "草稿" in text_of(printed.pdf)


async def test_long_texts_run_over_pages_and_every_page_is_numbered(press: Press) -> None:
    pdf = await press.print_final(
        sheet(after=(Part("所见", "结节。" * 7000),)),
        [
            film(),
        ],
        NOW,
    )
    pages = PdfReader(BytesIO(pdf)).pages
    assert len(pages) > 5
    for number, page in enumerate(pages, start=1):
        assert f"第 {number} 页，共 {len(pages)} 页" in page.extract_text()


async def test_twelve_large_key_images_make_a_bounded_file(press: Press) -> None:
    images = tuple(Picture(f"图 {number}", "关键图") for number in range(1, 13))
    pdf = await press.print_final(sheet(images=images), [film(2048)] * 12, NOW)
    assert len(pdf) < 4 << 20


@pytest.mark.parametrize(
    "picture",
    [b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, film()[:200], b"<svg/>", b"GIF89a" + b"\1" * 20],
    ids=["empty", "broken png", "cut", "svg", "gif"],
)
async def test_a_key_image_that_is_none_is_refused(press: Press, picture: bytes) -> None:
    with pytest.raises(Refused, match="key image"):
        await press.print_final(sheet(), [picture], NOW)


async def test_a_picture_bomb_is_refused(press: Press) -> None:
    out = BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    with pytest.raises(Refused, match="key image"):
        await press.print_final(sheet(), [out.getvalue()], NOW)


def test_a_character_that_cannot_be_seen_is_named_by_its_number() -> None:
    assert named("\x01") == "  (U+0001 unnamed)"


async def test_a_site_may_add_a_font_for_what_is_missing(tmp_path: Path) -> None:
    assert (await Press(tmp_path / "none").print_draft(sheet(), [film()], NOW)).missing == ()
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    assert (await Press(tmp_path).print_draft(sheet(), [film()], NOW)).missing == ()
