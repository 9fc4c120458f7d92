import pytest

from teleconsult.access.rules import password_fault, permissions_of
from teleconsult.actor import Permission
from teleconsult.people.state import Role


def test_nobody_without_a_role_may_do_anything():
    assert permissions_of([]) == frozenset()


def test_every_role_gives_something_and_never_the_unknown():
    for role in Role:
        assert Permission.SELF in permissions_of([role])
    assert permissions_of(["emperor"]) == {Permission.SELF}


def test_who_gives_rights_reads_no_patient():
    given = permissions_of([Role.ADMINISTRATOR])
    assert not given & {Permission.PATIENT_READ, Permission.FILM_READ, Permission.REPORT_READ, Permission.CONSULT_READ}


def test_a_specialist_searches_no_patients():
    assert Permission.PATIENT_READ not in permissions_of([Role.SPECIALIST])


def test_a_station_stores_and_does_not_decide():
    assert Permission.CONSULT_MOVE not in permissions_of([Role.STATION])


@pytest.mark.parametrize("password", ["short", "password", "88888888", "aaaabbbb", "wang-is-my-name", "x" * 129])
def test_a_password_that_is_guessed_first_is_refused(password):
    assert password_fault(password, "wang")


@pytest.mark.parametrize("password", ["seven green bicycles", "山里的月亮很圆呢", "kT9-fra2"])
def test_a_long_or_odd_password_will_do(password):
    assert password_fault(password, "wang") is None
