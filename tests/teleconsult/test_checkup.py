from dataclasses import replace
from pathlib import Path

import pytest

from teleconsult import checkup, preparing
from teleconsult.checkup import Finding, told
from teleconsult.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", language="en")


async def test_a_new_site_is_told_to_migrate_and_then_all_is_well(settings: Settings) -> None:
    good, text = await checkup.run(settings)
    assert not good
    assert "teleconsult migrate" in text.splitlines()[-1]
    await preparing.migrate(settings)
    good, text = await checkup.run(settings)
    assert "[MEND] Records" not in text
    assert "Key" in text


async def test_it_speaks_the_sites_language(settings: Settings) -> None:
    _, text = await checkup.run(settings.model_copy(update={"language": "zh_CN"}))
    assert "需处理" in text
    assert "数据库" in text
    assert "Records" not in text


async def test_a_wrong_key_is_found(settings: Settings) -> None:
    folder = settings.data_dir / "signing"
    folder.mkdir(parents=True)
    sealed = settings.vault().seal("{}", "reports/authority")
    (folder / "authority.sealed").write_bytes(sealed)
    assert "[good] Key" in (await checkup.run(settings))[1]
    (settings.data_dir / "secret.key").write_bytes(bytes(32))
    good, text = await checkup.run(settings)
    assert not good
    assert "does not open" in text


async def test_data_that_others_can_read_are_found(settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o755)
    settings.data_dir.chmod(0o755)
    assert "chmod 700" in (await checkup.run(settings))[1]


def test_what_must_be_mended_stands_at_the_end_once_more() -> None:
    fine = Finding("Disk", True, "enough")
    text = told([replace(fine, good=False, advice="Clear it."), fine], "en")
    assert text.splitlines() == ["[MEND] Disk: enough", "[good] Disk: enough", "To be mended:", "  Disk: Clear it."]
