"""Viewers of a stock PV guest that come and go, and the end of the guest."""

import multiprocessing
import re
import select
import time
from contextlib import closing
from pathlib import Path

from app.open.opening import open_target
from app.open.target import parse_target
from app.planes.status import Reason, State
from app.vm.monitor import ConnectionState
from app.xen.display.display_source import VdisplSource
from tests.lab.xen.guest import pattern
from tests.lab.xen.inside import toolstack, viewer
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest

_ROUNDS = 100
_GRANTED = 256, 64
_GNTDEV_USERS = Path("/sys/module/xen_gntdev/refcnt")

_CONNECTED = "the guest's display driver is there, and shows nothing yet"


def test_a_killed_viewer_is_followed_by_one_that_shows_the_guest(pv: Guest, fact: Fact) -> None:
    job = pv.start("endless", seed=1000)
    # A process with its own interpreter takes ten seconds to start here.
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe(duplex=False)
    killed = forked.Process(target=viewer.serve_forever, args=(pv.domid, theirs))
    killed.start()
    theirs.close()
    while not ours.recv():
        pass
    killed.kill()
    killed.join()
    killed.close()
    ours.close()
    with viewer.viewing(pv.domid) as source:
        begun = time.monotonic()
        viewer.show_any_picture(source, pv)
        fact("from a new viewer to the guest's picture after a viewer was killed, s", time.monotonic() - begun)
        pv.kill(job)
    fact("what the guest's program saw when its viewer was killed", job.said)
    assert all(said.get("slow_s", 0) < pv.FLIP_DONE_S for said in job.said)


def test_a_hundred_viewers_leave_nothing(pv: Guest, fact: Fact) -> None:
    """Xenstore has what the first viewer left there (the versions, the state), and nothing more."""
    _attach(pv)
    users, nodes = _GNTDEV_USERS.read_text(), _nodes_at_rest(pv)
    begun = time.monotonic()
    for _ in range(_ROUNDS):
        _attach(pv)
    fact("a round of attaching and detaching, s", (time.monotonic() - begun) / _ROUNDS)
    assert _nodes_at_rest(pv) == nodes
    assert _GNTDEV_USERS.read_text() == users
    job = pv.start("flips", frames=1, seed=500)
    with viewer.viewing(pv.domid) as source:
        viewer.wait_for_picture(source, 500, pv)
        pv.step(job)
        viewer.wait_for_picture(source, 501, pv)
    pv.kill(job)


def _attach(guest: Guest) -> None:
    """A viewer that closes as soon as the guest's driver is connected."""
    until = time.monotonic() + toolstack.PATIENCE_S
    with viewer.viewing(guest.domid) as source:
        while source.latest().status.detail != _CONNECTED:
            assert source.ended() is None and time.monotonic() < until, source.latest().status
            select.select([source.fileno()], [], [], 0.2)


def _nodes_at_rest(guest: Guest) -> str:
    """Xenstore's nodes with values, without the numbers that the guest's driver chooses.

    Waits until that driver is ready for the next viewer (XenbusStateInitialising).
    """
    state = f"/local/domain/{guest.domid}/device/vdispl/0/state"
    toolstack.wait_until(lambda: toolstack.read(state) == "1", "the guest's driver is ready again")
    return re.sub(r'((?:ref|channel) = )"\d+"', r"\1", toolstack.run("xenstore-ls"))


def test_a_guest_that_is_destroyed_ends_its_viewers_with_the_reason(pv: Guest, fact: Fact) -> None:
    """One shows the display and serves the keyboard: xl waits 10 s for one that nobody serves. One shows granted pages.

    The pages stay readable while they are mapped.
    """
    users = _GNTDEV_USERS.read_text()
    width, height = _GRANTED
    job = pv.start("grant", seed=7, width=width, height=height)
    pv.wait(lambda: job.said, "the pages are granted")
    refs = "+".join(map(str, job.said[0]["refs"]))
    with (
        closing(open_target(parse_target(f"xen:{pv.name}"))) as session,
        closing(open_target(parse_target(f"xen:{pv.name},refs={refs},size={width}x{height},format=XR24"))) as granted,
    ):
        monitor = session.input.open(lambda: None)
        pv.start("endless", seed=5000)
        assert isinstance(session.source, VdisplSource)
        viewer.show_any_picture(session.source, pv)
        toolstack.wait_until(lambda: monitor.status.state is ConnectionState.READY, "the keyboard is connected")
        last = granted.source.latest()
        begun = time.monotonic()
        toolstack.run("xl", "destroy", "pv")
        toolstack.wait_until(lambda: session.source.latest().status.state is State.GONE, "the end")
        fact("from xl destroy of the PV guest to the end of its viewer, s", time.monotonic() - begun)
        toolstack.wait_until(lambda: granted.source.latest().status.state is State.GONE, "the end of the pages' domain")
        for each in (session, granted):
            assert each.source.latest().status.reason is Reason.VM_ENDED
        assert viewer.pixels(last) == pattern.picture(7, width, height)
        toolstack.wait_until(lambda: monitor.status.state is not ConnectionState.READY, "the keyboard's end")
        monitor.close()
    assert _GNTDEV_USERS.read_text() == users
    pv.close()
