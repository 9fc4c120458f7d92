"""The archive's settings, made from the clinic's: each process that opens the archive opens the same one."""

from dicom_store.config import ArchiveSettings
from teleconsult.clock import Clock
from teleconsult.config import Settings
from teleconsult.vault import Vault


def archive_settings(settings: Settings, vault: Vault, clock: Clock) -> ArchiveSettings:
    """What the archive is told."""
    return ArchiveSettings(
        data_dir=settings.data_dir / "archive",
        key=vault.subkey("archive"),
        clock=clock.now,
        database_url=settings.archive_database_url,
        blob_url=settings.blob_url,
    )
