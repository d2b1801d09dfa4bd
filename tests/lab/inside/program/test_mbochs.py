"""mbochs as shipped, which a software renderer cannot show: the reason must come out, and the kernel stay whole."""

import os
from pathlib import Path

import pytest

from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.program import command
from tests.lab.inside.program.look import holder_device, look
from tests.lab.inside.rawvfio import Mbochs


def _ready(name: str, width: int = 640, height: int = 480) -> str:
    """Set a mode, which outlives the close. Never asked for here: what is fetched twice corrupts the kernel."""
    with Mbochs.open(name) as device:
        device.set_mode(width, height)
    return name


def test_reason_is_named_and_no_picture_saved(create: Create, tmp_path: Path, fact: Fact) -> None:
    """By one process after the other: each opens the device anew and fetches once."""
    name = _ready(create("mbochs", "small"))
    done = command.run("screenshot", name, "-o", str(tmp_path / "shot.png"), "--timeout", "1")
    assert (done.status, done.out, list(tmp_path.iterdir())) == (5, "", [])
    (line,) = done.err.splitlines()
    assert line.startswith(f"mdevview: {name}: error: not-readable")

    told = command.run("inspect", "--json", name).json()
    assert (told["state"], told["reason"]) == ("error", "not-readable")
    assert told["hint"]
    plane = told["planes"]["primary"]
    assert (plane["path"], plane["width"], plane["buffer"]["exporter"]) == (None, 640, "mbochs")
    assert plane["import_errors"]
    assert all("cannot map the buffer" in each["message"] for each in plane["import_errors"])
    assert (told["device"]["driver"], told["device"]["module"]) == ("mbochs", "mbochs")
    fact("mbochs: screenshot says", line.replace(name, "UUID"))
    fact("mbochs: inspect says of the import", plane["import_errors"])


def test_each_id_is_fetched_once_for_each_open(create: Create) -> None:
    """However often it is looked at; and again after the next open, which begins with buffers of its own."""
    name = _ready(create("mbochs", "small"))
    for _ in range(4):
        with look(name) as seen:
            for _ in range(10):
                told = seen.told()
                assert (told["state"], told["reason"]) == ("error", "not-readable")
            assert seen.device.fetched == 1


def test_mode_switches_are_followed(create: Create) -> None:
    """The first query of each mode fails with ENOMEM, and a mode that comes back brings its old buffer."""
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
    """Who handed it over may have fetched the buffer, and the second fetch is the one that corrupts."""
    with Mbochs.open(_ready(create("mbochs", "small"), *size)) as device:
        own = device.query()
        device.get_dmabuf(own.index)
        with look(f"fd:{os.dup(device.fd)}") as seen:
            told = seen.told()
            assert (told["state"], told["reason"]) == ("error", "fetched-elsewhere")
            assert seen.device.fetched == 0
