"""The package as a user of Debian meets it."""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deb import closed_vgpu
from tests.deb.debian_root import REPOSITORY, USER, DebianRoot
from tests.deb.menu_session import started
from tests.gate import need_programs
from tests.window.displays import xvfb

_HELPERS = ("mdevview-getfd", "mdevview-getxen")
_MENU_ENTRY = "usr/share/applications/io.github.mdevview.mdevview.desktop"


@dataclass(frozen=True)
class Installed:
    """``before`` are the files without the package."""

    root: DebianRoot
    before: dict[str, tuple[int, int, int]]


@pytest.fixture(scope="session")
def installed(debian: DebianRoot, package: Path) -> Installed:
    before = debian.files()
    shutil.copy(package, debian.folder / "tmp/mdevview.deb")
    # No option that would let it pass with a dependency missing.
    debian.run("dpkg", "--install", "/tmp/mdevview.deb")
    return Installed(debian, before)


@pytest.fixture
def closed_node(installed: Installed) -> Iterator[Path]:
    yield closed_vgpu.add(installed.root)
    closed_vgpu.remove(installed.root)


def test_program_runs_without_more_packages(installed: Installed) -> None:
    installed.root.run("mdevview", "screenshot", "sim:gvt,size=640x480", "-o", "/tmp/picture.png", user=USER)
    head = (installed.root.folder / "tmp/picture.png").read_bytes()[:24]
    assert struct.unpack(">II", head[16:24]) == (640, 480)
    versions = installed.root.run("mdevview", "doctor", user=USER, check=False).stdout
    # The private packages, of the versions that are locked.
    locked = (REPOSITORY / "packaging/lock/run.txt").read_text()
    for name, in_lock in (("mcap", "mcap"), ("qemu.qmp", "qemu-qmp")):
        version = locked.split(f"\n{in_lock}==")[1].split()[0]
        assert f"{name} {version}" in versions
    recording = ("capture", "sim:gvt,size=64x64", "--duration", "1", "-o", "/tmp/recording.mcap")
    installed.root.run("mdevview", *recording, user=USER)


def test_lintian_finds_no_error(package: Path) -> None:
    need_programs("lintian")
    done = subprocess.run(["lintian", str(package)], capture_output=True, text=True, timeout=300, check=False)
    # Lintian itself failed, and so found nothing.
    assert done.returncode != 1, done.stderr
    lines = done.stdout.splitlines()
    # No bug of Debian asks for this package, and its helpers are not commands for users.
    helpers = tuple(f"no-manual-page [usr/libexec/{each}]" for each in _HELPERS)
    known = ("initial-upload-closes-no-bugs", *helpers)
    assert [each for each in lines if not each.endswith(known) and known[0] not in each] == [], done.stderr


def test_software_centres_accept_the_metadata(installed: Installed) -> None:
    folder = installed.root.folder / "usr/share/metainfo"
    (file,) = folder.glob("*mdevview*")
    said = installed.root.run("appstreamcli", "validate", "--no-net", "--strict", f"/usr/share/metainfo/{file.name}")
    assert "successful" in said.stdout


def test_completions_and_manual_are_where_they_are_looked_for(installed: Installed) -> None:
    share = installed.root.folder / "usr/share"
    for each in (
        "bash-completion/completions/mdevview",
        "zsh/vendor-completions/_mdevview",
        "fish/vendor_completions.d/mdevview.fish",
        "man/man1/mdevview.1.gz",
        "icons/hicolor/scalable/apps/io.github.mdevview.mdevview.svg",
    ):
        assert (share / each).stat().st_size > 500, each


def test_whatever_umask_built_it_everybody_can_read_it_and_only_root_writes(package: Path) -> None:
    listed = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, timeout=60, check=True)
    modes = {tuple(line.split()[:2]) for line in listed.stdout.splitlines()}
    assert modes == {(mode, "root/root") for mode in ("-rw-r--r--", "-rwxr-xr-x", "drwxr-xr-x")}


@pytest.mark.parametrize("name", _HELPERS)
def test_helper_is_roots_and_not_setuid(installed: Installed, name: str) -> None:
    helper = (installed.root.folder / "usr/libexec" / name).stat()
    assert (helper.st_uid, helper.st_gid, helper.st_mode & 0o7777) == (0, 0, 0o755)
    action = f"{name.replace('-', '.')}.policy"
    assert (installed.root.folder / f"usr/share/polkit-1/actions/io.github.{action}").is_file()


def test_no_udev_rule_is_active(installed: Installed) -> None:
    new = installed.root.files().keys() - installed.before.keys()
    assert [each for each in new if "rules.d" in each] == []


def test_menu_entry_with_a_vgpu_that_cannot_be_read_shows_what_to_do(installed: Installed, closed_node: Path) -> None:
    need_programs("Xvfb", "xdotool")
    with xvfb() as display, started(installed.root, _MENU_ENTRY, display) as session:
        window = session.window("Cannot show this")
        session.wait_until_still()
        # To the button that copies the details: Retry has the focus, after it comes Choose another.
        session.press(window, "Tab", "Tab", "Return")
        details = session.clipboard("permission denied")
        assert "/dev/vfio/11 (root:root 0600)" in details
        assert "udev rule" in details
        assert session.process.poll() is None


def test_removal_leaves_nothing(installed: Installed) -> None:
    root = installed.root
    assert any(each.endswith(".pyc") and "mdevview" in each for each in root.files())
    root.run("dpkg", "--purge", "mdevview")
    assert root.files() == installed.before
