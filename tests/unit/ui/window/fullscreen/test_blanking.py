"""The desktop is asked not to blank the screen, and the request is always taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screen_saver import ASKED, ScreenSaver, screen_saver
from tests.unit.command import run

_PROGRAM = "tests.unit.ui.window.fullscreen.programs.inhibits_blanking"


@pytest.fixture
def saver(bus: str) -> Iterator[ScreenSaver]:
    with screen_saver(bus) as running:
        yield running


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["on", "wait", "on", "off", "wait"], ["release 8"]),
        (["on", "off", "wait"], ["release 8"]),
        (["on", "off", "on", "wait", "off", "wait"], ["release 8"]),
        (["on", "wait", "off", "on", "wait"], ["release 8", ASKED.replace("8", "9"), "drop [9]"]),
        (["on", "wait"], ["drop [8]"]),
    ],
)
def test_one_request_at_a_time_which_is_taken_back(
    bus: str, saver: ScreenSaver, words: list[str], told: list[str]
) -> None:
    """Also before the answer has come, and by the end of the program."""
    done = run(*words, module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
    assert (done.returncode, done.stderr) == (0, "")
    saver.wait_for(ASKED, *told)


def test_a_screen_saver_that_starts_while_the_answer_is_on_its_way_is_asked(bus: str) -> None:
    """Qt may tell of its start first, and then that there was none."""
    done = run("on", "started", "held", "off", module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
    assert (done.returncode, done.stdout, done.stderr) == (0, "held\nFalse\n", "")


def test_without_a_screen_saver_that_is_logged_once(bus: str) -> None:
    """A picture that comes and goes asks again and again."""
    words = ("log", "on", "wait", "on", "wait", "off", "on", "wait")
    done = run(*words, module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
    said, holds = done.stdout.splitlines()
    assert said.startswith("the screen may be blanked: ") and "org.freedesktop.ScreenSaver" in said
    assert (done.returncode, holds, done.stderr) == (0, "False", "")


def test_without_a_bus_that_is_logged_once(tmp_path: Path) -> None:
    address = f"unix:path={tmp_path / 'none'}"
    done = run("log", "on", "on", "wait", "off", "on", module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=address)
    said = "the screen may be blanked: there is no session bus\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}False\n", "")
