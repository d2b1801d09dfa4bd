"""Displays that xl takes from a running guest and gives to it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.planes.status import Reason, State
from app.xen.access.nodes import open_xen_host
from app.xen.display.display_source import VdisplSource
from tests.lab.xen.guest_config import SIZE
from tests.lab.xen.inside import toolstack, viewer
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest

_CONNECTORS = f"connectors=screen:{SIZE[0]}x{SIZE[1]}"


@contextmanager
def _attaching(guest: Guest, device: int, be_alloc: int) -> Iterator[None]:
    """Xl waits until a backend has taken the device, which the body does."""
    command = ["xl", "vdispl-attach", guest.name, "backend=0", f"be-alloc={be_alloc}", _CONNECTORS]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as attaching:
        state = _state(guest, device)
        toolstack.wait_until(lambda: toolstack.read(state), f"display {device} of the guest")
        yield
        assert attaching.wait(toolstack.PATIENCE_S) == 0


def _state(guest: Guest, device: int) -> str:
    return f"/local/domain/0/backend/vdispl/{guest.domid}/{device}/state"


def _reasons_until_the_end(source: VdisplSource) -> list[Reason]:
    seen: list[Reason] = []
    until = time.monotonic() + toolstack.PATIENCE_S
    while (status := source.latest().status).state is not State.GONE:
        if status.reason not in seen:
            seen.append(status.reason)
        assert time.monotonic() < until, status
        time.sleep(0.05)
    return [*seen, status.reason]


def test_a_display_that_is_detached_ends_and_one_that_is_attached_is_shown(pv: Guest, fact: Fact) -> None:
    job = pv.start("endless", seed=3000)
    begun = time.monotonic()
    with viewer.viewing(pv.domid) as source:
        viewer.show_any_picture(source, pv)
        toolstack.run("xl", "vdispl-detach", pv.name, "0")
        reasons = _reasons_until_the_end(source)
    fact("from a viewer over xl vdispl-detach to the end, s", time.monotonic() - begun)
    fact("the reasons after xl vdispl-detach", reasons)
    assert reasons[-1] is Reason.DEVICE_REMOVED
    with pytest.raises(FileNotFoundError):
        VdisplSource(open_xen_host(), pv.domid, 0, 0)
    begun = time.monotonic()
    with _attaching(pv, 0, be_alloc=0), viewer.viewing(pv.domid) as source:
        viewer.show_any_picture(source, pv)
    fact("from xl vdispl-attach to a picture and xl's end, s", time.monotonic() - begun)
    pv.kill(job)


def test_a_pv_guest_with_memory_of_this_host_is_refused_in_one_line(pv: Guest, fact: Fact) -> None:
    state = _state(pv, 1)
    with _attaching(pv, 1, be_alloc=1), viewer.viewing(pv.domid, device=1) as source:
        status = source.ended()
        # Xl waits for a backend: of this display, and at its end.
        toolstack.run("xenstore-write", state, "2")
    with subprocess.Popen(["xl", "vdispl-detach", pv.name, "1"], stdin=subprocess.DEVNULL) as detaching:
        toolstack.wait_until(lambda: toolstack.read(state) == "5", "xl detaches the display")
        toolstack.run("xenstore-write", state, "6")
    assert detaching.returncode == 0
    assert status is not None and status.reason is Reason.NOT_OPENED
    fact("why a PV guest is refused", status.detail)
    assert "be-alloc=0" in status.detail and "\n" not in status.detail
