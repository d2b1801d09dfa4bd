"""``sh packaging/run.sh --install`` in a home folder of its own, from a checkout that is then removed."""

import fcntl
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.command import REPOSITORY

ID = "io.github.mdevview.mdevview"
LINKS = {
    ".local/bin/mdevview",
    f".local/share/applications/{ID}.desktop",
    f".local/share/icons/hicolor/scalable/apps/{ID}.svg",
    f".local/share/metainfo/{ID}.metainfo.xml",
    ".local/share/man/man1/mdevview.1",
    ".local/share/bash-completion/completions/mdevview",
    ".local/share/zsh/site-functions/_mdevview",
    ".local/share/fish/vendor_completions.d/mdevview.fish",
}
COPIED = ("app", "gl", "ui", "packaging", "pyproject.toml", "README.md", "LICENSE")
# pip asks programs of the PATH for their versions, and some of them write into the home folder then.
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"


class Home:
    """A home folder, and a copy of the checkout to install from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "home"
        self.checkout = folder / "checkout"
        self.prefix = self.folder / ".local/share/mdevview"
        self.folder.mkdir()
        self.checkout.mkdir()
        for name in COPIED:
            source = REPOSITORY / name
            ignored = shutil.ignore_patterns("__pycache__", "pictures")
            if source.is_dir():
                shutil.copytree(source, self.checkout / name, ignore=ignored)
            else:
                shutil.copy(source, self.checkout)

    def offer_packages(self) -> None:
        """Make the environment with the packages of this one, so that pip has nothing to get."""
        venv = self.prefix / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        site = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
        (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (venv / "bin/pip").write_text(f"#!{venv}/bin/python\n")
        (venv / "mdevview.locked").touch()
        (self.prefix / "installed").touch()

    def run(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}/.local/bin:{PATH}"
        return subprocess.run(
            arguments,
            env={"HOME": str(self.folder), "PATH": path, "LANG": "C.UTF-8", "PIP_NO_INDEX": "1", **environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def install(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("sh", self.checkout / "packaging/run.sh", *arguments, **environment)

    def placing(self) -> str:
        """The part of the installation that makes the link to the program, for sh -c."""
        return (
            f"root={self.checkout}; . $root/packaging/lib.sh; . $root/packaging/install.sh; "
            "made= bin=$HOME/.local/bin data=$HOME/.local/share prefix=$data/mdevview venv=$prefix/venv; "
            'place "$bin/mdevview" venv/bin/mdevview'
        )

    def files(self) -> set[str]:
        """What is there beside the installation's own folder."""
        found = (each for each in self.folder.rglob("*") if self.prefix not in each.parents and each != self.prefix)
        return {str(each.relative_to(self.folder)) for each in found if not each.is_dir()}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_installed_program_outlives_its_checkout_and_goes_without_a_trace(home: Home) -> None:
    home.offer_packages()
    (home.folder / ".local/share/applications").mkdir()
    first = home.install("--install")
    assert first.returncode == 0, first.stderr
    assert home.files() == LINKS
    assert "PATH lacks" not in first.stderr
    desktop = home.folder / f".local/share/applications/{ID}.desktop"
    assert f"\nExec={home.folder}/.local/bin/mdevview" in desktop.read_text()
    for each in LINKS:
        assert (home.folder / each).read_bytes()

    program = home.prefix / "venv/bin/mdevview"
    before = program.stat()
    again = home.install("--install", PATH=PATH)
    assert again.returncode == 0, again.stderr
    assert program.stat() == before, "nothing has changed, and so nothing is installed again"
    assert f"your PATH lacks {home.folder}/.local/bin" in again.stderr

    shutil.rmtree(home.checkout)
    shown = home.run("mdevview", "decode", "XR24")
    assert (shown.returncode, shown.stderr) == (0, "")
    for shell, name in (
        ("bash", "bash-completion/completions/mdevview"),
        ("fish", "fish/vendor_completions.d/mdevview.fish"),
    ):
        assert home.run(shell, "-n", home.folder / ".local/share" / name).returncode == 0

    stranger = home.folder / ".local/bin/other"
    stranger.touch()
    removed = home.run("sh", home.prefix / "uninstall.sh")
    assert removed.returncode == 0, removed.stderr
    assert home.files() == {".local/bin/other"}
    folders = {str(each.relative_to(home.folder)) for each in home.folder.rglob("*") if each.is_dir()}
    # What was there before, and what has a file of another program.
    assert folders == {".local", ".local/bin", ".local/share", ".local/share/applications"}


def test_file_of_another_program_is_neither_replaced_nor_removed(home: Home) -> None:
    other = home.folder / ".local/bin/mdevview"
    other.parent.mkdir(parents=True)
    other.write_text("of another program")
    refused = home.install("--install")
    assert refused.returncode == 1
    assert f"{other} exists and is not of this installation" in refused.stderr
    assert not home.prefix.exists(), "refused before anything is installed"
    home.prefix.mkdir(parents=True)
    (home.prefix / "installed").write_text(f"link {other}\nfolder {home.prefix}\n")
    removed = home.install("--uninstall")
    assert removed.returncode == 0
    assert "is not the link that was installed, and stays" in removed.stderr
    assert other.read_text() == "of another program"
    assert not home.prefix.exists()


def test_a_home_with_two_names_is_one_installation(home: Home) -> None:
    """HOME is a symbolic link, as after a home folder was moved to another disk."""
    other_name = home.folder.with_name("link")
    other_name.symlink_to(home.folder)
    program = home.prefix / "venv/bin/mdevview"
    program.parent.mkdir(parents=True)
    program.touch()
    for name in (other_name, home.folder):
        made = home.run("sh", "-c", home.placing(), HOME=str(name))
        assert (made.returncode, made.stderr) == (0, "")
    shutil.copy(home.checkout / "packaging/uninstall.sh", home.prefix)
    # The script knows only the real name of its folder.
    removed = home.run("sh", other_name / ".local/share/mdevview/uninstall.sh", HOME=str(other_name))
    assert (removed.returncode, home.files()) == (0, set()), removed.stderr
    assert not home.prefix.exists()


def test_home_that_cannot_be_written_to_is_told(home: Home) -> None:
    """A file in the place of a folder stands for a read-only disk, which does not stop root."""
    place = home.folder / ".local/share"
    place.parent.mkdir()
    place.write_text("of somebody else")
    refused = home.install("--install")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"the folder {place} cannot be made" in refused.stderr
    assert home.files() == {".local/share"}


def test_a_link_that_cannot_be_recorded_is_not_made(home: Home) -> None:
    """As on a full disk: what is made and not recorded would stay after the removal."""
    (home.prefix / "installed").mkdir(parents=True)
    refused = home.run("sh", "-c", home.placing())
    assert refused.returncode == 1 and "installed cannot be written to" in refused.stderr
    assert home.files() == set()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--install",), {"SUDO_UID": "1000"}, "run it without sudo"),
        (("--install",), {"HOME": "here"}, "HOME is no absolute path"),
        (("--install", "x"), {}, "takes no argument"),
        (("--install",), {"HOME": "/tmp/a b"}, "a path with white space"),
        (("--uninstall", "x"), {}, "takes no argument"),
        (("--uninstall",), {"SUDO_UID": "1000"}, "run it without sudo"),
    ],
)
def test_refused(home: Home, arguments: tuple[str, ...], environment: dict[str, str], words: str) -> None:
    refused = home.install(*arguments, **environment)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
    assert home.files() == set()


def test_install_that_waits_for_a_removal_starts_nothing_after_it(home: Home) -> None:
    home.prefix.mkdir(parents=True)
    record = home.prefix / "installed"
    record.touch()
    with ThreadPoolExecutor(1) as pool, record.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = pool.submit(home.install, "--install")
        end = time.monotonic() + 60
        while f":{record.stat().st_ino} " not in _waiters():
            assert time.monotonic() < end and not waiting.done(), "it does not wait"
            time.sleep(0.05)
        record.unlink()
        fcntl.flock(file, fcntl.LOCK_UN)
        refused = waiting.result()
    assert refused.returncode == 1
    assert "has been removed meanwhile" in refused.stderr
    assert list(home.prefix.iterdir()) == []
    assert home.files() == set()


def _waiters() -> str:
    """The kernel's list of those who wait for a lock, with inode numbers (fs/locks.c)."""
    return "\n".join(each for each in Path("/proc/locks").read_text().splitlines() if "->" in each)


def test_uninstall_where_nothing_is_installed_says_so(home: Home) -> None:
    done = home.install("--uninstall")
    assert done.returncode == 0
    assert "nothing is installed" in done.stderr
