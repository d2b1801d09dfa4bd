"""Setting the resolution on the real driver: what is written, what the guest reads, and what is refused."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.device.edid_region import EdidRegion, find_edid_region, read_edid
from app.device.edid_writer import EdidWriter
from app.device.seam import FdDevice
from app.edid.make import make_edid
from app.edid.mode import Limits, Mode
from app.edid.parse import parse_edid
from app.open.opening import open_device
from app.open.target import parse_target
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.program import command
from tests.lab.inside.program.look import holder_device
from tests.lab.inside.rawvfio import MBOCHS_MMIO
from tests.window.displays import Display

# The guest reads the EDID in these bytes of BAR2 while the link is up, and zeros while it is down.
_EDID_WINDOW = 0x400


def _guests_edid(name: str) -> bytes:
    guest = holder_device(name)
    try:
        return os.pread(guest.fd, _EDID_WINDOW, MBOCHS_MMIO)
    finally:
        guest.close()


@pytest.mark.parametrize(
    ("kind", "mode", "blocks"),
    [("small", Mode(800, 600), 1), ("medium", Mode(1920, 1080, 75), 1), ("large", Mode(5120, 2880), 2)],
)
def test_a_mode_is_written_in_its_order_and_read_by_the_guest(
    create: Create, fact: Fact, kind: str, mode: Mode, blocks: int
) -> None:
    name = create("mbochs_rw", kind)
    source = open_device(parse_target(name))
    try:
        device = source.device
        region = find_edid_region(device)
        assert region is not None
        before = read_edid(device, region)
        fact(f"mbochs-{kind}: EDID region before", f"limits {before.limits}, link {before.link_up}")
        blob = make_edid(mode, before.limits)
        assert len(blob) == 128 * blocks

        writer = EdidWriter(device, region, blob)
        left = writer.step()
        down = read_edid(device, region)
        assert (down.link_up, down.blob) == (False, blob)
        assert _guests_edid(name) == bytes(_EDID_WINDOW)
        while left is not None:
            assert 0 < left <= 100_000_000
            time.sleep(left / 1e9)
            left = writer.step()
        up = read_edid(device, region)
        assert (up.link_up, up.blob) == (True, blob)
        assert _guests_edid(name)[: len(blob)] == blob

        # After an interrupted write the guest has its screen again.
        other = EdidWriter(device, region, make_edid(Mode(640, 480), before.limits))
        other.step()
        other.close()
        again = read_edid(device, region)
        assert again.link_up is True
        preferred = parse_edid(_guests_edid(name)).preferred
        assert preferred is not None and (preferred.width, preferred.height) == (640, 480)
    finally:
        source.device.close()
    if blocks == 1:
        return
    edid = command.run_here("inspect", "--json", name).json()["device"]["edid"]
    assert (edid["link_up"], edid["name"], edid["size"]) == (True, "mdevview", 128)
    assert (edid["preferred"]["width"], edid["preferred"]["height"]) == (640, 480)


@pytest.mark.parametrize(
    ("kind", "wanted", "said"),
    [
        (("mbochs", "small"), "1024x768", "1024x768 is more than the device allows, which is 800x600"),
        (("mdpy", "xga"), "1024x768", "this device has no EDID region"),
    ],
)
def test_what_the_device_cannot_is_one_line(create: Create, kind: tuple[str, str], wanted: str, said: str) -> None:
    done = command.run_here("view", create(*kind), "--resolution", wanted)
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert said in line


def test_the_window_asks_the_guest_and_leaves_its_screen_plugged_in(
    create: Create, session: Display, tmp_path: Path
) -> None:
    name, log = create("mbochs_rw", "medium"), tmp_path / "log"
    process = command.start("-v", "view", name, "--resolution", "1280x800@72", errors=log, env=session.env)
    try:
        command.wait_for_line(log, "asked the guest for 1280x800@72", process)
        region = _region_of(name)
        assert region.link_up is True
        preferred = parse_edid(region.blob).preferred
        assert preferred is not None
        assert (preferred.width, preferred.height, round(preferred.refresh_hz, 1)) == (1280, 800, 72.0)
        process.send_signal(signal.SIGINT)
        assert process.wait(command.PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def test_killed_with_the_link_down_the_guest_gets_its_screen_back(create: Create, fact: Fact) -> None:
    """No order of the writes avoids that the link is down for a while, and the driver keeps it down for ever."""
    name = create("mbochs_rw", "medium")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.lab.inside.program.set_resolution", name, "1280x800"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            assert process.stdout.readline() == b"open\n"
            guest = holder_device(name)
            device = FdDevice(guest.fd)
            region = find_edid_region(device)
            assert region is not None
            before = read_edid(device, region)
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"down\n"
            assert read_edid(device, region).link_up is False
        finally:
            killed = time.monotonic()
            os.killpg(process.pid, signal.SIGKILL)
    try:
        while not (now := read_edid(device, region)).link_up:
            assert time.monotonic() < killed + command.PATIENCE_S
            time.sleep(0.001)
        fact("EDID: from SIGKILL to link up", f"{(time.monotonic() - killed) * 1e3:.0f} ms")
        assert now.blob == before.blob
    finally:
        guest.close()
    # The guard does not hold the device, which can be opened again.
    opened = open_device(parse_target(name))
    opened.device.close()


def _region_of(name: str) -> EdidRegion:
    """The EDID region, read through another fd of the process that has the device open."""
    guest = holder_device(name)
    device = FdDevice(os.dup(guest.fd))
    try:
        region = find_edid_region(device)
        assert region is not None
        found = read_edid(device, region)
        assert found.limits == Limits(1920, 1440, 1024)
        return found
    finally:
        device.close()
        guest.close()
