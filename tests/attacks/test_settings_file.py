"""A settings file runs no code, and no file in its place keeps the window from opening or closing.

Nor does a file of keys, which cannot take the ways back from a guest that has the keyboard.
"""

import fcntl
import logging
import os
import resource
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PyQt6.QtCore import QByteArray, QSettings
from PyQt6.QtGui import QKeySequence

from app.planes.placement import Scaling
from tests.attacks.general_settings import settings_text
from tests.attacks.limits import time_limit
from tests.unit.command import run
from ui import private_file
from ui.window.actions import keys_file
from ui.window.actions.actions import KEYED
from ui.window.actions.shortcuts import Shortcuts, default_keys
from ui.window.settings import settings
from ui.window.settings.geometry import Geometry
from ui.window.settings.settings_text import Settings, SettingsFile, file_text

DEFAULTS = Settings()
OTHERS = Settings(Scaling.INTEGER, False, Geometry(800, 600, -5, 17, maximized=True))


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The place of the settings file, with its folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "mdevview").mkdir()
    return tmp_path / "mdevview/window.ini"


@pytest.fixture(autouse=True)
def ends() -> Iterator[None]:
    with time_limit(20):
        yield


class MakesFolder:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def write_with_qt(file: Path, **values: object) -> None:
    """Write a file as QSettings does, pickles of foreign objects included."""
    written = QSettings(str(file), QSettings.Format.IniFormat)
    for key, value in values.items():
        written.setValue(key, value)
    written.sync()


def ignored(caplog: pytest.LogCaptureFixture, logger: str = "ui.window.settings.settings") -> str:
    """The one log line about settings that are ignored."""
    (line,) = [each.getMessage() for each in caplog.records if each.name == logger]
    return line


@pytest.mark.parametrize("key", ["scaling", "filter", "geometry", "width"])
def test_a_settings_file_runs_no_code(key: str, file: Path, tmp_path: Path) -> None:
    write_with_qt(file, **{key: MakesFolder(tmp_path / "made")})
    assert b"builtins" in file.read_bytes() or b"posix" in file.read_bytes()
    done = run(module="tests.attacks.programs.reads_settings", XDG_CONFIG_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{DEFAULTS}\n", "")
    assert not (tmp_path / "made").exists()


def test_what_an_older_version_saved_is_kept_without_its_bytes_of_qt(file: Path) -> None:
    write_with_qt(file, scaling="integer", filter="nearest", geometry=QByteArray(bytes(range(66))))
    assert settings.load() == Settings(Scaling.INTEGER, False, None)


def test_a_damaged_file_does_not_end_the_program(file: Path, tmp_path: Path) -> None:
    write_with_qt(file, scaling=MakesFolder(tmp_path / "made"), geometry=QByteArray(bytes(66)), filter="nearest")
    program = "tests.attacks.programs.settings_damaged"
    done = run(str(file), "1", "400", module=program, XDG_CONFIG_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "made").exists()


def _fifo(file: Path) -> None:
    os.mkfifo(file)


def _link_to_a_fifo(file: Path) -> None:
    os.mkfifo(file.with_name("fifo"))
    file.symlink_to("fifo")


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))


def _gigantic(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(1 << 40)


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (_fifo, "is no regular file"),
    "socket": (_socket, "is no regular file"),
    "folder": (Path.mkdir, "is no regular file"),
    "link to a device": (lambda file: file.symlink_to("/dev/zero"), "is no regular file"),
    "link to a FIFO": (_link_to_a_fifo, "is no regular file"),
    "link to itself": (lambda file: file.symlink_to(file.name), "Too many levels"),
    "of a terabyte": (_gigantic, "has more than 65536 bytes"),
    "no text": (lambda file: file.write_bytes(b"\xff\xfe\0"), "codec can't decode"),
    "no INI file": (lambda file: file.write_text("\x1b[2J{}"), "it is no INI file"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_settings_file_is_ignored_with_one_line(
    place: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = PLACES[place]
    make(file)
    assert settings.load() == settings.load("a VM") == DEFAULTS
    assert words in ignored(caplog)


@pytest.mark.parametrize("place", ["FIFO", "socket", "folder", "link to a device", "link to a FIFO", "link to itself"])
def test_what_is_no_settings_file_is_not_written(place: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    PLACES[place][0](file)
    before = file.lstat()
    settings.save(OTHERS)
    assert "the settings were not saved" in ignored(caplog)
    after = file.lstat()
    assert (after.st_mode, after.st_ino, after.st_size) == (before.st_mode, before.st_ino, before.st_size)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("width=-1", "width"),
        ("width=99999", "width"),
        ("width=٣٠٠", "width"),
        ("height=1e3", "height"),
        ("x=1000000000000", "x"),
        ("maximized=True\x1b[2J", "maximized"),
        ("scaling=stretch%(home)s", "scaling"),
        ("command=reboot", "command"),
        (f"{'k' * 3000}=1", "kkkk"),
    ],
)
def test_a_value_that_is_not_valid_has_its_default(
    line: str, key: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(f"[General]\nfilter=nearest\n{line}\n")
    assert settings.load() == Settings(smooth=False)
    said = ignored(caplog)
    assert key in said and said.isprintable() and len(said) < 400


def test_another_users_file_is_not_read_and_its_folder_not_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As root with the HOME of a user."""
    file.write_text(settings_text(OTHERS))
    before = file.stat()
    monkeypatch.setattr(os, "geteuid", lambda: before.st_uid + 1)
    assert settings.load() == DEFAULTS
    assert "belongs to another user" in ignored(caplog)
    # As on a disk of this user, where / belongs to root.
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    file.parent.chmod(0o700)
    os.chown(file.parent, 12345, -1) if os.getuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    caplog.clear()
    settings.save(DEFAULTS)
    assert "belongs to another user" in ignored(caplog)
    assert file.stat().st_ino == before.st_ino


def test_settings_are_private_and_replaced_at_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.touch(0o644)
    settings.save(OTHERS)
    assert settings.load() == OTHERS
    assert file.stat().st_mode & 0o777 == 0o600
    whole = file.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, old[1]))
    try:
        settings.save(DEFAULTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "the settings were not saved" in ignored(caplog)
    assert file.read_bytes() == whole
    assert os.listdir(file.parent) == [file.name]


def test_a_link_to_ones_own_file_stays_a_link(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles"
    kept.write_text(settings_text(OTHERS))
    file.symlink_to(kept)
    assert settings.load() == OTHERS
    settings.save(DEFAULTS)
    assert file.is_symlink() and settings.load() == DEFAULTS
    assert kept.read_text() == settings_text(DEFAULTS)


def test_folders_are_made_private(file: Path) -> None:
    file.parent.rmdir()
    settings.save(OTHERS)
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_folder_that_can_be_written_the_window_closes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/1/fdinfo/none")
    settings.save(OTHERS)
    assert "the settings were not saved" in ignored(caplog)
    assert caplog.records[0].levelno == logging.INFO


def test_windows_that_close_at_once_do_not_lose_each_others_settings(file: Path) -> None:
    """Four processes, which read, change and write the file at the same moment."""
    program = "tests.attacks.programs.saves_settings"
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda n: run(str(n), "25", module=program, XDG_CONFIG_HOME=str(file.parents[1])), range(4))
        )
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 4
    lost = [f"VM {n}-{m}" for n in range(4) for m in range(25) if not settings.load(f"VM {n}-{m}").flip_x]
    assert not lost
    assert os.listdir(file.parent) == [file.name]


def test_a_window_closes_also_while_another_program_holds_the_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_file, "LOCK_S", 0.1)
    fd = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        settings.save(OTHERS)
    finally:
        os.close(fd)
    assert settings.load() == OTHERS


def test_blanks_and_sections_do_not_hold_up_the_window(file: Path) -> None:
    """A minute with configparser."""
    for text in ("a" + " " * 60_000 + "b=1", "[a]\n" * 16_000, "=" * 60_000, "a=1\n" * 15_000):
        file.write_text(f"[General]\nfilter=nearest\n{text}\n")
        assert settings.load("VM 1") == Settings(smooth=False)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_of_keys_leaves_the_defaults_and_is_not_written(
    place: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, words = PLACES[place]
    keys = file.with_name("keys.ini")
    make(keys)
    assert Shortcuts(keys_file.load()).all() == default_keys()
    assert words.replace("65536", "8192") in ignored(caplog, "ui.window.actions.keys_file")
    caplog.clear()
    before = keys.lstat()
    if not stat.S_ISREG(before.st_mode):
        assert keys_file.save(default_keys()).startswith("The keys were not saved")
        assert (keys.lstat().st_mode, keys.lstat().st_ino) == (before.st_mode, before.st_ino)


@pytest.mark.parametrize(
    "value",
    ["", "F12", "Ctrl+Alt+R", "Ctrl+Alt+M", "Ctrl+Alt+R; Ctrl+Alt+M", "F10; F11", "x", "Ctrl+" * 150, ";" * 100],
)
def test_no_file_takes_the_ways_back_from_a_guest_that_has_the_keyboard(
    value: str, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every key of the table removed, or the same for all; the first actions of the file, or the last, have it."""
    for names in ([each.key for each in KEYED], ["screenshot", "release", "menus"], ["screenshot", "copy"], ["menus"]):
        file.with_name("keys.ini").write_text("[Keys]\n" + "".join(f"{each}={value}\n" for each in names)[:8000])
        shortcuts = Shortcuts(keys_file.load())
        for action in ("release", "menus"):
            keys = [QKeySequence(each)[0] for each in shortcuts.keys(action)]
            assert any(shortcuts.takes(each.key(), each.keyboardModifiers()) for each in keys), (names, action)
    assert all(len(each.getMessage()) < 400 for each in caplog.records)


def test_blanks_and_sections_in_a_file_of_keys_do_not_hold_up_the_window(file: Path) -> None:
    keys = file.with_name("keys.ini")
    for text in ("a" + " " * 8000 + "b=1", "[a]\n" * 2000, "=" * 8000, " x\n" * 2600, "grab=" + "Ctrl+Alt+G;" * 700):
        keys.write_text(f"[Keys]\n{text}\n")
        assert Shortcuts(keys_file.load()).keys("grab") == ("Ctrl+Alt+G",)


def test_ten_thousand_vms_keep_the_file_small_and_the_newest_settings(file: Path) -> None:
    made = SettingsFile(subjects={f"VM {number} {'x' * 180}": {"smooth": False} for number in range(10_000)})
    text = file_text(made)
    assert len(text) < 65536 and "VM 9999" in text and "VM 9800" not in text
    file.write_text(text)
    settings.save(Settings(flip_x=True), "VM new")
    assert settings.load("VM new").flip_x and not settings.load(f"VM 9999 {'x' * 180}").smooth
    # Written by another program, with more than is read: the next window still saves.
    file.write_text("".join(f"[VM {number}]\nfilter=nearest\n" for number in range(10_000)))
    settings.save(Settings(flip_x=True), "VM new")
    assert settings.load("VM new").flip_x and file.stat().st_size < 65536
