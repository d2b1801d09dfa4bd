"""The command line's frame: exit statuses, the one line of an error, what is imported."""

import json
import subprocess
import sys

import pytest

from app.errors import (
    DeviceBusy,
    DeviceGone,
    MdevviewError,
    NoPicture,
    NoSuchDevice,
    PermissionDenied,
    UsageError,
)
from gl.errors import UnsupportedContext
from tests.unit.command import MDEVVIEW, REPOSITORY, run
from ui.cli import list as list_command
from ui.cli.main import main

HEAVY = ("PyQt6", "OpenGL", "numpy", "pyudev", "shtab", "gl", "ctypes.util")
PROGRAMS = "tests.unit.ui.cli.programs"


def test_list_imports_nothing_heavy() -> None:
    done = run("list", "--json", module=f"{PROGRAMS}.modules_after")
    assert json.loads(done.stdout)["version"] == 1
    modules = json.loads(done.stderr)
    assert "ui.cli.list" in modules
    assert [each for each in HEAVY if each in modules] == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MdevviewError("it failed: why", "do this"), 1),
        (DeviceBusy("it is in use"), 1),
        (UsageError("not understood"), 2),
        (NoSuchDevice("not there"), 3),
        (DeviceGone("gone"), 3),
        (PermissionDenied("denied"), 4),
        (NoPicture("nothing to see"), 5),
        (UnsupportedContext("no EGL"), 1),
        (FileNotFoundError(2, "No such file", "shot.png"), 1),
        (ImportError("Unable to load OpenGL library"), 1),
        (RuntimeError("two\nlines"), 1),
        (DeviceBusy("one is in use by \x1b[2J 50"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_is_one_line_and_a_status(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(list_command, "run", fail)
    assert main(["list"]) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == (0 if status == 130 else 1)
    assert said.err == "" or said.err.startswith("mdevview: ")
    assert said.err.rstrip("\n").isprintable(), "a process chooses its name, and this is a terminal"


def test_log_lines_do_nothing_to_a_terminal() -> None:
    done = run(module=f"{PROGRAMS}.hostile_log_line")
    assert (done.returncode, done.stderr) == (0, "mdevview: INFO: app.vm: VM a?[2J?b\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lst"], "neither a command nor a target"),
        (["list", "--foo"], "unrecognized arguments: --foo"),
        (["list", "--js"], "unrecognized arguments"),
        (["screenshot"], "-o/--output"),
        (["screenshot", "-o", "-", "--timeout", "nan"], "no number of seconds"),
        (["screenshot", "-o", ""], "the name is empty"),
        (["--verbos", "list"], "unrecognized arguments: --verbos"),
        (["screenshot", "-o", "-", "--plane", "overlay"], "invalid choice: 'overlay'"),
        (["view", "fd:x"], "is no target"),
        (["view", "a", "b"], "unrecognized arguments: b"),
    ],
)
def test_bad_usage_is_one_line_with_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["view", "--help"], ["--version"], ["-v", "list", "-h"]])
def test_help_and_version_end_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "mdevview" in capsys.readouterr().out


def test_reader_that_goes_away_is_no_error() -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", MDEVVIEW, "list", "--json"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.close()
    said = writer.stderr.read()
    writer.stderr.close()
    assert (writer.wait(), said) == (1, b"")


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--print-completion", "bash"]])
@pytest.mark.parametrize("output", [">/dev/full", ">&-"])
def test_output_that_cannot_be_written_is_one_line(arguments: list[str], output: str) -> None:
    done = shell(output, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("mdevview: standard output: ")
    assert done.stderr.count("\n") == 1


def test_with_standard_error_closed_standard_output_stays_clean() -> None:
    done = shell("2>&-", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")


def test_no_file_is_opened_under_a_standard_number() -> None:
    """What is printed must never end up in a device."""
    assert shell("<&- >&- 2>&-", "list", module=f"{PROGRAMS}.first_free_fd").returncode == 10


def shell(redirections: str, *arguments: str, module: str = MDEVVIEW) -> subprocess.CompletedProcess[str]:
    command = f'exec "$0" -m "$@" {redirections}'
    return subprocess.run(
        ["sh", "-c", command, sys.executable, module, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
