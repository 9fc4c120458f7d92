import pytest

from teleconsult.consults import notices
from teleconsult.consults.events import ConsultMoved, MaterialAdded, MessagePosted
from teleconsult.consults.rules import told_of
from teleconsult.consults.table import TABLE
from teleconsult.deadlines.rules import DEFAULTS


def moved(row) -> ConsultMoved:
    return ConsultMoved("c", "HZ20261120-0001", row.move, row.source, row.target, 2, "u", "v", "t", "emergency")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.move}-{row.source}")
def test_every_move_that_concerns_somebody_has_words(row):
    notice = notices.of_move(moved(row))
    if told_of(row.move, row.target):
        assert notice is not None
    if notice is not None:
        assert notice.message.format(**dict(notice.fields)) != notice.message
        assert (notice.path, notice.loud) == ("/consults/c", True)


@pytest.mark.parametrize("word", sorted({allowance.word for allowance in DEFAULTS.values()}))
def test_every_deadline_has_words_before_it(word):
    assert notices.of_warning("c", "HZ1", word) is not None
    assert (notices.of_overdue("c", "HZ1", word) is None) is (word in {"close", "expire"})


def test_messages_and_materials_have_words():
    for notice in (
        notices.of_message(MessagePosted("c", "HZ1", 1, "u")),
        notices.of_material(MaterialAdded("c", "HZ1", "m", "study", "u", "accepted")),
    ):
        assert "HZ1" in notice.message.format(**dict(notice.fields))
