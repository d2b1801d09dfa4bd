"""The desktop is asked not to blank the screen, and the request is always taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate import need_programs
from tests.screen_saver import ScreenSaver, screen_saver, session_bus
from tests.unit.command import run

_PROGRAM = "tests.unit.ui.window.fullscreen.programs.inhibits_blanking"
_ASKED = "inhibit 8 mdevview: A virtual machine is watched in fullscreen"


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need_programs("dbus-daemon")
    with session_bus(tmp_path_factory.mktemp("bus")) as address:
        yield address


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
        (["on", "wait", "off", "on", "wait"], ["release 8", _ASKED.replace("8", "9"), "drop [9]"]),
        (["on", "wait"], ["drop [8]"]),
    ],
)
def test_one_request_at_a_time_which_is_taken_back(
    bus: str, saver: ScreenSaver, words: list[str], told: list[str]
) -> None:
    """Also before the answer has come, and by the end of the program."""
    done = run(*words, module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
    assert (done.returncode, done.stderr) == (0, "")
    saver.wait_for(_ASKED, *told)


def test_without_a_screen_saver_that_is_logged_once(bus: str) -> None:
    """A picture that comes and goes asks again and again."""
    words = ("on", "wait", "on", "wait", "off", "on", "wait")
    done = run(*words, module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=bus)
    said, holds = done.stdout.splitlines()
    assert said.startswith("the screen may be blanked: ") and "org.freedesktop.ScreenSaver" in said
    assert (done.returncode, holds, done.stderr) == (0, "False", "")


def test_without_a_bus_that_is_logged_once(tmp_path: Path) -> None:
    address = f"unix:path={tmp_path / 'none'}"
    done = run("on", "on", "wait", "off", "on", module=_PROGRAM, DBUS_SESSION_BUS_ADDRESS=address)
    said = "the screen may be blanked: there is no session bus\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}False\n", "")
