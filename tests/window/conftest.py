"""One display of each kind for the whole run: starting one takes a second."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.window.displays import Display, sway, weston, xvfb


def _need(*programs: str) -> None:
    missing = [each for each in programs if shutil.which(each) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def wayland() -> Iterator[Display]:
    _need("weston", "weston-screenshooter")
    with weston() as display:
        yield display


@pytest.fixture(scope="session")
def wayland_2x() -> Iterator[Display]:
    _need("weston", "weston-screenshooter")
    with weston(scale=2) as display:
        yield display


@pytest.fixture(scope="session")
def wayland_input() -> Iterator[Display]:
    """A Wayland desktop with a keyboard and a pointer, as it were."""
    _need("sway", "setpriv")
    with sway() as display:
        yield display


@pytest.fixture(scope="session")
def x11() -> Iterator[Display]:
    _need("Xvfb", "xdotool")
    with xvfb() as display:
        yield display


@pytest.fixture(scope="session")
def long_lived(wayland: Display, wayland_2x: Display, wayland_input: Display, x11: Display) -> None:
    """All displays at once, so that what starting one leaves open is not laid at a test's door."""
    # Qt's first look at a picture keeps some event fds.
    x11.picture()
