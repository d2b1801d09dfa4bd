"""A device that is removed while the program shows it: the removal does not wait, and the user is told."""

import time
from pathlib import Path

import pytest

from app.planes.status import State
from tests.lab.inside import mdev, watch
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.program import command
from tests.lab.inside.program.look import look
from tests.lab.inside.rawvfio import Mbochs


@pytest.mark.parametrize("driver", ["mbochs", "mbochs_rw", "mdpy"])
def test_device_is_let_go_while_the_context_lives_on(create: Create, fact: Fact, driver: str) -> None:
    """As in the window, which keeps its GL context."""
    name = create(driver, {"mdpy": "vga"}.get(driver, "small"))
    if driver != "mdpy":
        with Mbochs.open(name) as device:
            device.set_mode(640, 480)
    shown = {"mbochs": "not-readable"}.get(driver, "ok")
    with look(name) as seen:
        assert seen.told()["reason"] == shown
        # Draw too: a graphics driver may hold the buffer of the last draw.
        if shown == "ok":
            seen.picture()
        assert watch.dmabufs() == (driver != "mdpy")
        removal = mdev.Removal(name)
        frame = seen.wait(lambda frame: frame.status.state is State.GONE, 10)
        assert frame.status.reason.key == "device-removed"
        seen.let_go()
        left = watch.dmabufs()
        assert removal.done_within(5)
        assert removal.seconds is not None
        assert left == 0, "a dma-buf outlives its device, which corrupts the kernel with mbochs as shipped"
        assert seen.poller.latest() is frame
    fact(f"{driver}: removal while looked at took", f"{removal.seconds:.2f} s")


def test_screenshot_that_waits_ends_when_the_device_goes(create: Create, tmp_path: Path, fact: Fact) -> None:
    """mbochs without a mode has no picture, so the command waits."""
    name, errors = create("mbochs", "small"), tmp_path / "errors"
    process = command.start("screenshot", name, "-o", str(tmp_path / "shot.png"), "--timeout", "100", errors=errors)
    try:
        command.wait_until(lambda: mdev.in_use(name), process)
        # It opens the device before it sets up OpenGL, and queries it after that.
        time.sleep(2)
        removal = mdev.Removal(name)
        assert removal.done_within(command.PATIENCE_S)
        assert process.wait(command.PATIENCE_S) == 3
    finally:
        process.kill()
        process.wait()
    (line,) = errors.read_text().splitlines()
    assert "device-removed" in line
    fact("screenshot, device removed while waiting", line.replace(name, "UUID"))
    fact("screenshot, device removed while waiting: the removal took", f"{removal.seconds:.2f} s")
