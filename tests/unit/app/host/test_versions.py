"""Versions, as files and programs tell them."""

from pathlib import Path

from app.host.versions import installed_versions, libdrm_version, qemu_version


def test_what_mdevview_uses_is_listed() -> None:
    assert {"mdevview", "Python", "numpy", "PyOpenGL", "Linux"} <= installed_versions().keys()


def test_libdrm_by_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    assert libdrm_version(tmp_path) is None
    (folder / "libdrm.so.2.123.0").touch()
    (folder / "libdrm.so.2").symlink_to("libdrm.so.2.123.0")
    assert libdrm_version(tmp_path) == "2.4.123"


def test_qemus_own_words() -> None:
    assert qemu_version(b"QEMU emulator version 10.0.2 (Debian 1:10.0.2)\nCopyright") == "10.0.2"
    assert qemu_version(b"") is None
