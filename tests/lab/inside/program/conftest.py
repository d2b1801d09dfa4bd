"""A headless desktop, and a kernel without mbochs as shipped."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.gate import need_programs
from tests.lab.noted import REPORT
from tests.window.displays import Display, weston


@pytest.fixture(scope="session")
def session() -> Iterator[Display]:
    """A Wayland session, one for all tests: its start takes seconds here.

    It has few frames per second: an emulated CPU draws them, and more would leave it no time for the program.
    """
    need_programs("weston")
    with weston(refresh_hz=10) as display:
        yield display


@pytest.fixture
def no_mbochs() -> Iterator[None]:
    """Unloads mbochs as shipped: a process that only has a fd cannot tell it from mbochs_rw."""
    subprocess.run(["rmmod", "mbochs"], check=True)
    yield
    subprocess.run(["insmod", REPORT / "modules/mbochs.ko"], check=True)
