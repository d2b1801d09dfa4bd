"""mbochs as shipped, which a software renderer cannot show: the reason is reported, and the kernel is not corrupted."""

import os
from pathlib import Path

import pytest

from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.program import command
from tests.lab.inside.program.look import holder_device, look
from tests.lab.inside.rawvfio import Mbochs


def _ready(name: str, width: int = 640, height: int = 480) -> str:
    """Set a mode, which stays after the close. Nothing is fetched here: a second fetch corrupts the kernel."""
    with Mbochs.open(name) as device:
        device.set_mode(width, height)
    return name


def test_reason_is_named_and_no_picture_saved(create: Create, tmp_path: Path, fact: Fact) -> None:
    """Two viewers, one after the other: each one opens the device and fetches once."""
    name = _ready(create("mbochs", "small"))
    done = command.run("screenshot", name, "-o", str(tmp_path / "shot.png"), "--timeout", "1")
    assert (done.status, done.out, list(tmp_path.iterdir())) == (5, "", [])
    (line,) = done.err.splitlines()
    assert line.startswith(f"mdevview: {name}: error: not-readable")

    told = command.run_here("inspect", "--json", name).json()
    assert (told["state"], told["reason"]) == ("error", "not-readable")
    assert told["hint"]
    plane = told["planes"]["primary"]
    assert (plane["path"], plane["width"], plane["buffer"]["exporter"]) == (None, 640, "mbochs")
    assert plane["import_errors"]
    assert all("this one is read-only" in each["message"] for each in plane["import_errors"])
    assert (told["device"]["driver"], told["device"]["module"]) == ("mbochs", "mbochs")
    findings = {each["key"]: each for each in told["findings"]}
    unreadable, copy = findings["import-unreadable"], findings["copy-impossible"]
    assert "eglCreateImage succeeded" in unreadable["evidence"]
    assert copy["evidence"].startswith("mmap: EINVAL") and "mbochs" in copy["evidence"]
    assert unreadable["remedy"] and copy["remedy"]
    fact("mbochs: inspect finds", findings)
    fact("mbochs: screenshot says", line.replace(name, "UUID"))
    fact("mbochs: inspect says of the import", plane["import_errors"])


def test_each_id_is_fetched_once_for_each_open(create: Create) -> None:
    """One fetch for many polls; and one after the next open, which has new buffers."""
    name = _ready(create("mbochs", "small"))
    for _ in range(4):
        with look(name) as seen:
            for _ in range(10):
                told = seen.told()
                assert (told["state"], told["reason"]) == ("error", "not-readable")
            assert seen.device.fetched == 1


def test_mode_switches_are_followed(create: Create) -> None:
    """The first query of each mode fails with ENOMEM, and an earlier mode has its earlier buffer again."""
    sizes = [(640, 480), (800, 600), (1024, 768), (640, 480)]
    name = _ready(create("mbochs", "medium"))
    with look(name) as seen:
        guest = holder_device(name)
        try:
            for size in sizes:
                guest.set_mode(*size)
                told = seen.told()
                plane = told["planes"]["primary"]
                assert (told["reason"], plane["width"], plane["height"]) == ("not-readable", *size)
        finally:
            guest.close()
        assert seen.device.fetched == len(set(sizes))


@pytest.mark.parametrize("size", [(640, 480), (800, 600)])
def test_handed_over_device_is_not_fetched_from(create: Create, size: tuple[int, int]) -> None:
    """The process that passed the fd may have fetched the buffer, and a second fetch corrupts the kernel."""
    with Mbochs.open(_ready(create("mbochs", "small"), *size)) as device:
        own = device.query()
        device.get_dmabuf(own.index)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            told = seen.told()
            assert (told["state"], told["reason"]) == ("error", "fetched-elsewhere")
            assert seen.device.fetched == 0
