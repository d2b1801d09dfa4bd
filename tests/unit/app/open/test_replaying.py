"""``replay:FILE`` as a session: labelled as what it is, without input, with the facts of the recording."""

import os
from pathlib import Path

import pytest

from app.diagnosis.picture.host_facts import HostFacts
from app.edid.mode import Mode
from app.errors import ResolutionRefused
from app.open.opening import open_target
from app.open.target import Replay
from app.planes.status import Reason
from app.replay.capture_file import CaptureFile
from app.replay.schema import Query, State
from tests.recordings import MS, START, context, record


def test_a_recording_is_a_session_that_nobody_can_change(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    record(path, "gvt,size=64x64", 100)
    session = open_target(Replay(str(path)))
    try:
        assert (session.target, session.label) == (f"replay:{path}", "replay: a.mcap")
        assert session.input.reason == "a recording takes no input"
        with pytest.raises(ResolutionRefused):
            session.resolution.check(Mode(640, 480))
        assert session.resolution.refusal is not None
        assert session.playback is not None and session.playback.duration_ns == 100 * MS
        assert session.source.latest().status.reason is Reason.OK
    finally:
        session.close()


def _written(path: Path, **changes: object) -> None:
    file = CaptureFile(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), context(**changes), lambda: START)
    file.record(Query(1, 3, b"\0" * 64), START, START)
    file.record(Query(1, 2, None, 22), START, START)
    file.record(State("vm-ended", "the VM ended"), START, START)
    file.finish("gone")


def test_the_end_of_a_recorded_vm_comes_with_the_first_poll_and_not_before(tmp_path: Path) -> None:
    _written(tmp_path / "a.mcap")
    session = open_target(Replay(str(tmp_path / "a.mcap")))
    try:
        assert session.ended() is None
        session.source.latest()
        assert session.source.latest().status.reason is Reason.VM_ENDED
    finally:
        session.close()


def test_the_facts_are_those_of_the_recording(tmp_path: Path) -> None:
    host = {"kernel_lines": ["gvt: failsafe"], "exporter": {"address": "0000:00:02.0", "driver": "i915"}}
    vgpu = {"name": "u", "driver": "intel_vgpu_mdev", "simulated": True}
    _written(tmp_path / "a.mcap", host=host, vgpu=vgpu, pixels="none")
    session = open_target(Replay(str(tmp_path / "a.mcap"), 0.0, 5.0))
    try:
        facts: HostFacts = session.host_facts()
        assert facts.kernel_lines == ("gvt: failsafe",)
        assert facts.exporter is not None and facts.exporter.driver == "i915"
        assert session.vgpu is not None
        assert (session.vgpu.driver, session.vgpu.simulated) == ("intel_vgpu_mdev", False)
        assert session.label == "replay: a.mcap (without pixels)"
    finally:
        session.close()
