"""A headless desktop, and a kernel without the driver that must be asked only once."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.gate import need_programs
from tests.lab.inside.conftest import REPORT
from tests.window.displays import Display, weston


@pytest.fixture(scope="module")
def session() -> Iterator[Display]:
    """A Wayland session, in which dma-bufs are imported.

    Of few frames a second: drawn by an emulated CPU, more of them leave no time to anything else.
    """
    need_programs("weston")
    with weston(refresh_hz=10) as display:
        yield display


@pytest.fixture
def no_mbochs() -> Iterator[None]:
    """Without mbochs as shipped: to a process that was handed a fd the changed one looks the same."""
    subprocess.run(["rmmod", "mbochs"], check=True)
    yield
    subprocess.run(["insmod", REPORT / "modules/mbochs.ko"], check=True)
