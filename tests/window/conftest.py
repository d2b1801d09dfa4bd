"""One display of each kind for the whole run: starting one takes a second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gate import need_programs
from tests.window.displays import Display, sway, weston, xvfb
from tests.window.qmp_server import QmpServer, qmp_server
from tests.window.wayland_input import VirtualInput, virtual_input


@pytest.fixture(scope="session")
def wayland() -> Iterator[Display]:
    need_programs("weston", "weston-screenshooter")
    with weston() as display:
        yield display


@pytest.fixture(scope="session")
def wayland_2x() -> Iterator[Display]:
    need_programs("weston", "weston-screenshooter")
    with weston(scale=2) as display:
        yield display


@pytest.fixture(scope="session")
def wayland_input() -> Iterator[Display]:
    """A Wayland desktop that accepts a virtual keyboard and pointer."""
    need_programs("sway", "setpriv")
    with sway() as display:
        yield display


@pytest.fixture(scope="session")
def x11() -> Iterator[Display]:
    need_programs("Xvfb", "xdotool")
    with xvfb() as display:
        yield display


@pytest.fixture(scope="session")
def long_lived(wayland: Display, wayland_2x: Display, wayland_input: Display, x11: Display) -> None:
    """All displays start first, so that no test fails for what the start of a display leaves open."""
    # Qt's first look at a picture keeps some event fds.
    x11.picture()


@pytest.fixture
def vm(tmp_path: Path) -> Iterator[QmpServer]:
    """A VM's monitor, whose pointer is a tablet."""
    with qmp_server(tmp_path) as server:
        yield server


@pytest.fixture
def plugged_in(wayland_input: Display) -> Iterator[VirtualInput]:
    """A keyboard and a pointer at sway, which has not got Alt+Tab yet (:func:`tests.window.displays.sway`)."""
    (wayland_input.directory / "taken").unlink(missing_ok=True)
    with virtual_input(wayland_input.directory / wayland_input.env["WAYLAND_DISPLAY"]) as keyboard_and_pointer:
        yield keyboard_and_pointer
