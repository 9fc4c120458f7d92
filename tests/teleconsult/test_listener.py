"""The DICOM listener's process speaks TLS where the site asks for it, with the site's own certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from teleconsult.config import Settings
from teleconsult.listener import _tls


def test_tls_is_the_sites_choice(tmp_path: Path) -> None:
    assert _tls(Settings(data_dir=tmp_path)) is None
    context = _tls(Settings(data_dir=tmp_path, dimse_tls=True))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert list((tmp_path / "tls").iterdir())
