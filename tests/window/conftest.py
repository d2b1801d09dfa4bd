"""One display of each kind for the whole run: starting one takes a second."""

from collections.abc import Iterator

import pytest

from tests.gate import need_programs
from tests.window.displays import Display, sway, weston, xvfb


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
