"""Pages that a program of the guest granted with gntalloc, shown by their references."""

import json
from pathlib import Path

import pytest

from app.attach.helper_fds import HelperMethod
from app.open.opening import OpenOptions, open_target
from app.open.target import parse_target
from app.planes.outcome import ImportMethod
from tests.lab.xen.guest import pattern
from tests.lab.xen.inside import viewer
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.guest import Guest
from ui.cli.main import main

_SIZE = 256, 64
_SEED = 9


def test_pages_are_shown_equal_and_said_to_be_no_dmabuf(pv: Guest, tmp_path: Path, fact: Fact) -> None:
    job = pv.start("grant", seed=_SEED, width=_SIZE[0], height=_SIZE[1])
    pv.wait(lambda: job.said, "the pages are granted")
    file = tmp_path / "refs"
    file.write_text("\n".join(map(str, job.said[0]["refs"])))
    target = f"xen:{pv.name},refs={file},size={_SIZE[0]}x{_SIZE[1]},format=XR24"
    session = open_target(parse_target(target), options=OpenOptions(HelperMethod.NEVER))
    try:
        frame = session.source.latest()
        assert viewer.pixels(frame) == pattern.picture(_SEED, *_SIZE)
        assert frame.primary is not None
        failure = frame.primary.export_failure
        assert failure is not None
        fact("EXP_FROM_REFS in a PV dom0 whose kernel has it", failure.message)
        assert failure.method is ImportMethod.EXPORT
        assert "EINVAL" in failure.message
        assert "the driver refuses it in a PV domain of x86" in failure.message
        session.source.release_buffers()
        assert viewer.pixels(session.source.latest()) == pattern.picture(_SEED, *_SIZE)
    finally:
        session.close()
    pv.kill(job)


def test_inspect_shows_how_the_pages_come(pv: Guest, capsys: pytest.CaptureFixture[str], fact: Fact) -> None:
    job = pv.start("grant", seed=_SEED, width=_SIZE[0], height=_SIZE[1])
    pv.wait(lambda: job.said, "the pages are granted")
    refs = "+".join(map(str, job.said[0]["refs"]))
    target = f"xen:{pv.domid},refs={refs},size={_SIZE[0]}x{_SIZE[1]},format=XR24"
    assert main(["inspect", target, "--json"]) == 0
    said = capsys.readouterr().out
    fact("inspect of granted pages", said)
    primary = json.loads(said)["planes"]["primary"]
    assert (primary["path"], [each["rung"] for each in primary["import_errors"]]) == ("copy", ["export"])
    pv.kill(job)
