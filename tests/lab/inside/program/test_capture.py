"""A capture of a VM whose BIOS draws, and its replay: here, and outside the lab by `tests.lab.replayed`."""

import json
from pathlib import Path

import numpy as np

from tests.lab.inside.conftest import Fact
from tests.lab.inside.machine import Machine
from tests.lab.inside.pictures import colours, read_png
from tests.lab.inside.program import command
from tests.lab.replayed import CAPTURE, INSPECTED, PICTURE, comparable


def test_capture_of_a_vm_replays_its_picture_and_its_inspect_document(
    shared_vm: Machine, pictures: Path, fact: Fact
) -> None:
    recording = pictures / CAPTURE
    with shared_vm.stopped():
        done = command.run("capture", "vm:lab", "-o", str(recording), "--duration", "2")
        assert (done.status, done.err) == (0, ""), done.err
        told = command.run_here("inspect", "--json", "vm:lab").json()
        picture = shared_vm.picture()
    (pictures / INSPECTED).write_text(json.dumps(told))
    shot = command.run_here("screenshot", f"replay:{recording}", "-o", str(pictures / PICTURE))
    assert (shot.status, shot.err) == (0, ""), shot.err
    np.testing.assert_array_equal(read_png(pictures / PICTURE), colours(picture))
    replayed = command.run_here("inspect", "--json", f"replay:{recording}").json()
    assert comparable(replayed) == comparable(told)
    fact("capture of two seconds of a paused VM", f"{recording.stat().st_size} bytes, {done.seconds:.1f} s")
