"""What the templates make of a router."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lab import disk
from lab.topology import Kind, topology


@pytest.mark.parametrize("kind", list(Kind))
def test_every_template_is_filled_in(kind: Kind, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("os.chown", lambda *_: None)
    monkeypatch.setattr("os.mknod", lambda path, *_: Path(path).touch())
    lower = tmp_path / "lower"
    (lower / "etc/ssh").mkdir(parents=True)
    (lower / "etc/ssh").chmod(0o751)
    router = topology(0, 2, [kind]).routers[1]

    disk.make(tmp_path / "ams2", router, lower, {"etc/ssh/key": disk.File(b"secret", 0o600)})

    upper = tmp_path / "ams2" / "upper"
    texts = [
        path.read_text() for path in upper.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    assert not any("$" in text for text in texts)
    assert (upper / "etc/hostname").read_text() == "ams2\n"
    assert "priority 150" in (upper / "etc/keepalived/keepalived.conf").read_text()
    assert stat.S_IMODE((upper / "etc/ssh/key").stat().st_mode) == 0o600
    assert stat.S_IMODE((upper / "etc/ssh").stat().st_mode) == 0o751
    wants = {path.name for path in (upper / "etc/systemd/system").glob("*.target.wants/*")}
    assert "keepalived.service" in wants
    assert wants > {"keepalived.service"}


def test_a_whole_disk_is_left_alone_and_a_half_one_made_anew(tmp_path: Path) -> None:
    router = topology(0, 1).routers[0]
    folder = tmp_path / "ams1"
    disk.make(folder, router, tmp_path, {})
    (folder / "upper/written").touch()
    disk.make(folder, router, tmp_path, {})
    assert (folder / "upper/written").exists()
    (folder / "lower").unlink()
    disk.make(folder, router, tmp_path, {})
    assert not (folder / "upper/written").exists()
