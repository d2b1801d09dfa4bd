"""The commands of the program, in this process: a process of its own would load OpenGL again, which takes 20 s here."""

import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.attach.helper_fds import HelperMethod
from app.open.session import Session
from app.open.xen_target import XenScreen
from app.open.xen_waiter import new_xen_waiter
from app.planes.status import Status
from tests.lab.xen import guest_config
from tests.lab.xen.guest import pattern
from tests.lab.xen.inside import toolstack
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest
from ui.cli.main import main
from ui.png import png_bytes

_SEED = 77


def test_a_guest_is_created_while_a_viewer_waits_for_it(fact: Fact) -> None:
    """Xl waits for the backend of a display. The guest stays paused, so that this takes no more than that."""
    name = guest_config.WAITED
    waiter = new_xen_waiter(XenScreen(name), method=HelperMethod.NEVER)
    try:
        assert isinstance(waiter.poll(), Status)
        command = ["xl", "create", "-p", str(toolstack.configuration(name))]
        begun = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as creating:
            while not isinstance(session := waiter.poll(), Session):
                assert time.monotonic() - begun < toolstack.PATIENCE_S
                time.sleep(0.05)
            assert creating.wait(toolstack.PATIENCE_S) == 0
    finally:
        waiter.close()
    fact("xl create with a viewer that waits, s", time.monotonic() - begun)
    assert session.target == f"xen:{name}"
    session.close()
    toolstack.run("xl", "destroy", name)


def test_screenshot_is_the_guests_picture(pv: Guest, tmp_path: Path) -> None:
    file = tmp_path / "shot.png"
    job = pv.start("flips", frames=0, seed=_SEED)
    assert main(["screenshot", f"xen:{pv.name}", "-o", str(file), "--timeout", "60"]) == 0
    pv.kill(job)
    width, height = guest_config.SIZE
    xr24 = np.frombuffer(pattern.picture(_SEED, width, height), np.uint8).reshape(height, width, 4)
    assert file.read_bytes() == png_bytes(xr24[..., [2, 1, 0, 3]])


@pytest.fixture
def flipping(pv: Guest, fact: Fact) -> Iterator[Guest]:
    job = pv.start("endless", seed=3000)
    yield pv
    pv.kill(job)
    fact("what the guest's program saw of commands that came and went", job.said)
    assert all(said.get("slow_s", 0) < pv.FLIP_DONE_S for said in job.said)


def test_commands_tell_of_the_guests_flips(
    flipping: Guest, tmp_path: Path, capsys: pytest.CaptureFixture[str], fact: Fact
) -> None:
    target = f"xen:{flipping.domid}"
    times = [time.monotonic()]

    def done(*words: str) -> str:
        assert main(list(words)) == 0
        times.append(time.monotonic())
        return capsys.readouterr().out

    measured, recording = tmp_path / "run.json", tmp_path / "guest.mdr"
    told = done("measure", target, "--duration", "3", "--json", str(measured))
    assert "the guest waits until mdevview has taken each frame" in told
    document = json.loads(measured.read_text())
    assert (document["meta"]["scanout"], document["meta"]["guest_waits"]) == ("pages", True)
    assert document["flips_seen"] > 0 and document["flips_superseded"] == 0

    done("capture", target, "-o", str(recording), "--no-pixels", "--duration", "1")
    shown = json.loads(done("inspect", f"replay:{recording}", "--json"))
    assert (shown["planes"]["primary"]["width"], shown["planes"]["primary"]["height"]) == guest_config.SIZE

    inspected = json.loads(done("inspect", target, "--json"))
    assert (inspected["vm_display"]["kind"], inspected["vm_display"]["be_alloc"]) == ("pv", False)
    assert (inspected["planes"]["primary"]["backing"], inspected["planes"]["primary"]["path"]) == ("memory", "copy")
    assert [each["name"] for each in inspected["messages"]["received"]] == [
        *("DBUF_CREATE", "FB_ATTACH", "PG_FLIP", "SET_CONFIG")
    ]
    fact(
        "measure, capture, inspect of the recording and inspect, s",
        [b - a for a, b in itertools.pairwise(times)],
    )
