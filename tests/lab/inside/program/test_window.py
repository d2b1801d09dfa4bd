"""The window in a headless Wayland session: what it shows, and what it shows after the device was removed."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.pictures import Colours, card, colours, place_of, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.look import holder_device
from tests.lab.inside.program.screen import save_screen
from tests.lab.inside.rawvfio import Mbochs, Picture
from tests.window.displays import Display


@contextlib.contextmanager
def _window(session: Display, name: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    arguments = ("-v", "view", name, "--scaling", "actual", "--filter", "nearest")
    process = command.start(*arguments, errors=log, env=session.env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _ends_with(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(command.PATIENCE_S)


def _draw(name: str, picture: Picture) -> Colours:
    device = holder_device(name)
    try:
        device.draw(picture)
    finally:
        device.close()
    return colours(picture)


def _shows(session: Display, picture: Colours, file: Path) -> bool:
    return place_of(picture, save_screen(session, file)) is not None


def test_window_shows_the_guest_and_survives_the_removal(
    create: Create, session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    name, log = create("mbochs_rw", "small"), tmp_path / "log"
    with Mbochs.open(name) as device:
        device.set_mode(640, 480)
    started = time.monotonic()
    with _window(session, name, log) as process:
        command.wait_until(lambda: "path: egl-image" in log.read_text(), process)
        fact("window: from start to first picture", f"{time.monotonic() - started:.1f} s")
        (listed,) = command.run("list", "--json").json()["vgpus"]
        (holder,) = listed["holders"]
        assert (listed["state"], holder["pid"], holder["way"]) == ("in-use", process.pid, "group")

        for seed in range(2):
            file = pictures / f"window-{seed + 1}.png"
            picture = _draw(name, card(640, 480, seed))
            command.wait_until(partial(_shows, session, picture, file), process)

        removal = mdev.Removal(name)
        assert removal.done_within(20)
        fact("window: removal of the device it shows took", f"{removal.seconds:.2f} s")
        command.wait_until(lambda: "gone, device-removed" in log.read_text(), process)
        time.sleep(2)
        screen = save_screen(session, pictures / "window-gone.png")
        assert place_of(picture, screen) is None, "the last picture stays on screen"
        assert not np.array_equal(screen, read_png(pictures / "window-2.png"))
        assert command.run("list", "--json").json()["vgpus"] == []
        assert process.poll() is None
        assert _ends_with(process, signal.SIGINT) == 0
    fact("window: the log", log.read_text().replace(name, "UUID").splitlines())
