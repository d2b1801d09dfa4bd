"""Headless displays for window tests: weston (Wayland) and Xvfb (X11), and what a person would see on them."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

Picture = NDArray[np.uint8]

WIDTH, HEIGHT = 1280, 800
# Room for a window at twice its size.
_X11_SCREEN = "2560x1600x24"
_PATIENCE_S = 30.0
# Pixels (convert_generic() in qtbase/src/gui/image/qimage_conversions.cpp uses a thread for each 65,536).
_CONVERTED_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Display:
    """``env`` is what a program needs to open windows here."""

    kind: str
    env: dict[str, str]
    directory: Path

    def picture(self) -> Picture:
        """The whole screen as it is now, [height, width, 3]."""
        with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
            if self.kind == "weston":
                command = ["weston-screenshooter"]
            else:
                command = [sys.executable, "-m", "tests.window.grab_x11", str(Path(scratch) / "screen.png")]
            subprocess.run(command, env=self.env, cwd=scratch, check=True, timeout=60, capture_output=True)
            (path,) = Path(scratch).glob("*.png")
            return load_png(path)


def load_png(path: Path) -> Picture:
    """The colours of a PNG, [height, width, 3]."""
    image = QImage(str(path))
    assert not image.isNull(), path
    # Qt converts a larger picture in threads, which it keeps for a while, each with a fd of its own.
    rows = max(1, _CONVERTED_AT_ONCE // image.width())
    return np.concatenate(
        [
            _colours(image.copy(0, top, image.width(), min(rows, image.height() - top)))
            for top in range(0, image.height(), rows)
        ]
    )


def _colours(image: QImage) -> Picture:
    image = image.convertToFormat(QImage.Format.Format_RGBX8888)
    bits = image.constBits()
    assert bits is not None
    data = np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), dtype=np.uint8)
    picture: Picture = data.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), :3].copy()
    return picture


@contextlib.contextmanager
def weston(scale: int = 1, refresh_hz: int = 60, renderer: str = "pixman") -> Iterator[Display]:
    """A headless weston. "gl" takes much CPU where there is no GPU; "pixman" takes no dma-bufs of its clients."""
    with tempfile.TemporaryDirectory(prefix="mdevview-weston-") as name:
        directory = Path(name)
        directory.chmod(0o700)
        env = _environment(directory) | {"WAYLAND_DISPLAY": "wayland-mdevview", "QT_QPA_PLATFORM": "wayland"}
        config = directory / "weston.ini"
        config.write_text("[shell]\nbackground-color=0xff203040\npanel-position=none\nlocking=false\n")
        command = [
            "weston",
            "--backend=headless",
            f"--renderer={renderer}",
            "--debug",
            "--idle-time=0",
            f"--config={config}",
            f"--width={WIDTH}",
            f"--height={HEIGHT}",
            f"--scale={scale}",
            f"--refresh-rate={refresh_hz * 1000}",
            f"--socket={env['WAYLAND_DISPLAY']}",
        ]
        log = directory / "weston.log"
        with log.open("wb") as output:
            server = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
        try:
            _wait_for(directory / env["WAYLAND_DISPLAY"], server, log)
            yield Display("weston", env, directory)
        finally:
            _stop(server)


_SWAY_CONFIG = """
output * resolution {width}x{height}
default_border none
seat * pointer_constraint enable
bindsym Mod1+Tab exec touch {taken}
"""
# The user that sway runs as when root runs the tests: sway refuses to be root.
_NOBODY = 65534


@contextlib.contextmanager
def sway() -> Iterator[Display]:
    """A headless sway, which takes virtual input (tests/window/wayland_input.py) and keeps Alt+Tab for itself.

    When it gets Alt+Tab, it creates the file "taken" in the directory.
    """
    with tempfile.TemporaryDirectory(prefix="mdevview-sway-") as name:
        directory = Path(name)
        directory.chmod(0o700)
        env = _environment(directory) | {
            "QT_QPA_PLATFORM": "wayland",
            "WAYLAND_DISPLAY": "wayland-1",
            "WLR_BACKENDS": "headless",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "WLR_RENDERER": "pixman",
        }
        config, log = directory / "sway.config", directory / "sway.log"
        config.write_text(_SWAY_CONFIG.format(width=WIDTH, height=HEIGHT, taken=directory / "taken"))
        command = ["sway", "--config", str(config)]
        if os.geteuid() == 0:
            for path in (directory, config):
                os.chown(path, _NOBODY, _NOBODY)
            command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *command]
        with log.open("wb") as output:
            server = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
        try:
            _wait_for(directory / env["WAYLAND_DISPLAY"], server, log)
            yield Display("sway", env, directory)
        finally:
            _stop(server)


@contextlib.contextmanager
def xvfb() -> Iterator[Display]:
    """An X server without DRI3: EGL has no dma-buf import here."""
    with tempfile.TemporaryDirectory(prefix="mdevview-xvfb-") as name:
        directory = Path(name)
        directory.chmod(0o700)
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", _X11_SCREEN, "-nolisten", "tcp"]
        server = subprocess.Popen(
            command, pass_fds=(writer,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        os.close(writer)
        try:
            ready, _, _ = select.select([reader], [], [], _PATIENCE_S)
            number = os.read(reader, 16).decode().strip() if ready else ""
            assert number, "Xvfb did not start"
            yield Display(
                "xvfb", _environment(directory) | {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}, directory
            )
        finally:
            os.close(reader)
            _stop(server)


def _environment(directory: Path) -> dict[str, str]:
    """The caller's environment without its display, and with a home of its own."""
    dropped = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "XAUTHORITY")
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    (directory / "Pictures").mkdir()
    return env | {
        "XDG_RUNTIME_DIR": str(directory),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "HOME": str(directory),
        "PYTHONPATH": os.pathsep.join(
            (str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "packaging" / "launcher"))
        ),
    }


def _wait_for(path: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not path.exists():
        assert server.poll() is None and time.monotonic() < end, log.read_text(errors="replace")
        time.sleep(0.02)


def _stop(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)
