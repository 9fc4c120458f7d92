"""Settings from the environment: one clear line for what cannot be understood; secrets made once and kept."""

import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.config import Bind, Settings, SettingsRefused, from_environment

SECRET = "s" * 40


def test_without_a_word_it_serves_this_machine_only() -> None:
    settings = from_environment({"PATH": "/bin", "HOME": "/nowhere"})
    assert settings.http_bind == Bind("127.0.0.1", 8080)
    assert all(bind.is_loopback for bind in (settings.http_bind, settings.dimse_bind, settings.mllp_bind))
    assert (settings.language, settings.secret_key) == ("zh_CN", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELECONSULT_COLOUR", "red"),
        ("TELECONSULT_", "x"),
        ("TELECONSULT_HTTP_BIND", "nowhere"),
        ("TELECONSULT_HTTP_BIND", "127.0.0.1:99999"),
        ("TELECONSULT_HTTP_BIND", ":80"),
        ("TELECONSULT_MEDIA_UDP_PORT", "70000"),
        ("TELECONSULT_MEDIA_UDP_PORT", "many"),
        ("TELECONSULT_MEDIA_PROCESSES", "65"),
        ("TELECONSULT_MEDIA_PROCESSES", "0"),
        ("TELECONSULT_MEDIA_BIND", "10.0.0.1:8090"),
        ("TELECONSULT_MEDIA_BIND", "0.0.0.0:8090"),
        ("TELECONSULT_LANGUAGE", "klingon"),
        ("TELECONSULT_SECRET_KEY_FILE", "/nonexistent/key"),
        ("TELECONSULT_DATA_DIR_FILE", "/nonexistent/key"),
    ],
)
def test_what_cannot_be_understood_stops_the_start_with_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        from_environment({name: value})
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nodes_on_several_machines_are_written_down_in_redis() -> None:
    settings = from_environment(
        {"TELECONSULT_MEDIA_BIND": "10.0.0.1:8090", "TELECONSULT_REDIS_URL": "redis://10.0.0.1"}
    )
    assert settings.has_neighbours
    assert not from_environment({"TELECONSULT_REDIS_URL": "redis://10.0.0.1"}).has_neighbours


def test_each_media_process_has_a_port_of_its_own() -> None:
    settings = from_environment({"TELECONSULT_MEDIA_PROCESSES": "3", "TELECONSULT_MEDIA_UDP_PORT": "40100"})
    assert list(settings.media_ports) == [40100, 40101, 40102]


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsRefused) as refused:
        from_environment({"TELECONSULT_SECRET_KEY": "hunter2"}).vault()
    assert "hunter2" not in str(refused.value)


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    settings = from_environment({"TELECONSULT_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_lists_are_words_between_commas() -> None:
    settings = from_environment({"TELECONSULT_TURN_URLS": "turn:a, turn:b ,"})
    assert settings.turn_urls == ("turn:a", "turn:b")


@given(st.sampled_from(["127.0.0.1", "::1", "localhost", "10.0.0.1", "clinic.example"]), st.integers(0, 65535))
def test_an_address_is_read_as_it_is_written(host: str, port: int) -> None:
    bind = Bind(host, port)
    assert Bind.parse(str(bind)) == bind
    assert bind.is_loopback is (host in {"127.0.0.1", "::1", "localhost"})


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_addresses(text: str) -> None:
    with suppress(ValueError):
        assert 0 <= Bind.parse(text).port <= 65535


def test_the_key_of_a_site_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    made = settings.vault().subkey("test")
    key = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    assert settings.vault().subkey("test") == made
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    settings, found = Settings(data_dir=tmp_path / "data"), []
    together = threading.Barrier(8)

    def begin() -> None:
        together.wait()
        found.append(settings.vault().subkey("test"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
