"""The window in a headless Wayland session: the page of a device without permission, the guest, and the removal."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.pictures import Colours, card, colours, place_of, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.keyboard import DrivenWindow, driven_window
from tests.lab.inside.program.look import holder_device
from tests.lab.inside.program.screen import save_screen
from tests.lab.inside.rawvfio import Mbochs, Picture
from tests.window.displays import Display

# Nothing is compared there.
_PART = (0, 0, 1, 1)


@contextlib.contextmanager
def _users_window(session: Display, name: str, log: Path) -> Iterator[DrivenWindow]:
    """The window of a user without rights, as the desktop's menu starts it."""
    socket = session.directory / session.env["WAYLAND_DISPLAY"]
    session.directory.chmod(0o711)
    socket.chmod(0o666)
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, command.NOBODY, command.NOBODY)
        folders = ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MESA_SHADER_CACHE_DIR")
        env = session.env | dict.fromkeys(folders, home) | {"WAYLAND_DISPLAY": str(socket)}
        arguments = (name, "--page", "--scaling", "actual", "--filter", "nearest")
        with driven_window(env, _PART, log, *arguments, prefix=command.as_nobody()) as window:
            yield window


def _ends_with(process: subprocess.Popen[str], number: signal.Signals) -> int:
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


def test_users_window_opens_after_permission_was_given_and_survives_the_removal(
    create: Create, session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    name, log = create("mbochs_rw", "small"), tmp_path / "log"
    with Mbochs.open(name) as device:
        device.set_mode(640, 480)
    started = time.monotonic()
    with _users_window(session, name, log) as window:
        process = window.process
        command.wait_for_line(log, "error, not-opened", process)
        fact("window: from start to the page", f"{time.monotonic() - started:.1f} s")
        save_screen(session, pictures / "window-no-permission.png")
        node = f"/dev/vfio/{mdev.group(name)}"
        os.chown(node, command.NOBODY, command.NOBODY)
        started = time.monotonic()
        said = window.click("Retry")
        assert said is not None, log.read_text()
        fact("window: the page of a user without rights", said)
        assert said[0] == "No permission"
        assert node in said[1] and "udev rule" in said[2]
        command.wait_for_line(log, "path: egl-image", process)
        fact("window: from Retry to first picture", f"{time.monotonic() - started:.1f} s")
        (listed,) = command.run_here("list", "--json").json()["vgpus"]
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
        # The last picture does not stay on the screen.
        file = pictures / "window-gone.png"
        command.wait_until(lambda: place_of(picture, save_screen(session, file)) is None, process)
        screen = save_screen(session, file)
        assert not np.array_equal(screen, read_png(pictures / "window-2.png"))
        assert command.run_here("list", "--json").json()["vgpus"] == []
        assert process.poll() is None
        assert _ends_with(process, signal.SIGINT) == 0
    fact("window: the log", log.read_text().replace(name, "UUID").splitlines())
