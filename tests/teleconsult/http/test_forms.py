import pytest
from aiohttp import FormData
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.errors import Refused
from teleconsult.http import multipart
from teleconsult.http.multipart import UploadedFile

WANG = {"Authorization": "Bearer wang"}
TYPE = "multipart/form-data; boundary=XX"


def body(*parts: bytes) -> bytes:
    return b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + b"--XX--\r\n"


async def test_fields_lists_and_blanks_of_a_form(client):
    form = [("name", " x "), ("tags", "a"), ("tags", "b"), ("count", "")]
    for data in (FormData(form), FormData(form, default_to_multipart=True)):
        answer = await client.post("/things", data=data, headers=WANG, allow_redirects=False)
        assert (answer.status, answer.headers["Location"][-1]) == (303, "2")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("application/x-www-form-urlencoded", b"name=%FF%FE"),
        ("application/x-www-form-urlencoded", b"name=\xff"),
        ("application/x-www-form-urlencoded", b"name=%00"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(5000))),
        ("multipart/form-data", b"--XX--"),
        (TYPE, b""),
        (TYPE, b"--XX"),
        (TYPE, body(*[b'Content-Disposition: form-data; name="a"\r\n\r\n1'] * 600)),
        (TYPE, body(b"X: " + b"y" * 10_000 + b"\r\n\r\n1")),
        (TYPE, body(b"no headers at all")),
        (TYPE, body(b'Content-Disposition: form-data; name="name"\r\n\r\n\xff')),
        ("text/plain", b"name=x"),
    ],
)
async def test_hostile_forms_are_refused(client, things, kind, data):
    answer = await client.post("/things", data=data, headers=WANG | {"Content-Type": kind}, allow_redirects=False)
    assert answer.status == 400
    assert things.made == 0


def test_a_files_name_loses_its_folders():
    raw = body(
        b'Content-Disposition: form-data; name="f"; filename="C:\\\\x\\..\\..\\etc/passwd"\r\n'
        b"Content-Type: text/plain\r\n\r\ndata\r\n--X"
    )
    assert multipart.parse(TYPE, raw) == [("f", UploadedFile("passwd", "text/plain", b"data\r\n--X"))]


def test_an_empty_file_field_is_nothing():
    assert multipart.parse(TYPE, body(b'Content-Disposition: form-data; name="f"; filename=""\r\n\r\n')) == []


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_parser(raw: bytes):
    for data in (raw, body(raw), body(b'Content-Disposition: form-data; name="a"\r\n\r\n' + raw)):
        try:
            multipart.parse(TYPE, data)
        except Refused:
            continue


@given(st.lists(st.tuples(st.text("abc王", min_size=1, max_size=5), st.text(max_size=50)), max_size=20))
def test_what_is_put_in_comes_out(fields: list[tuple[str, str]]):
    clean = [(name, value.encode("utf-8", "ignore").decode()) for name, value in fields if "--XX" not in value]
    raw = body(*(f'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}'.encode() for n, v in clean))
    if clean:
        assert multipart.parse(TYPE, raw) == clean
