"""What a recording device records: the differences, and what a hostile driver answers without harm to the rest."""

import os
from pathlib import Path

from app.abi import vfio
from app.device.seam import Device
from app.replay.capture_file import CaptureFile
from app.replay.recording_device import RecordingDevice
from app.replay.recording_file import RecordingFile
from app.replay.schema import Message, Query, Read
from app.sim.profile import open_simulated
from app.vfio.poller import Poller
from tests.recordings import MS, START, context


def _recorded(device: Device) -> tuple[RecordingDevice, list[tuple[Message, int, int]]]:
    records: list[tuple[Message, int, int]] = []
    return RecordingDevice(device, lambda *each: records.append(each), clock=lambda: START), records


def test_an_unchanged_answer_is_recorded_once() -> None:
    now = START
    records: list[Message] = []
    device = RecordingDevice(
        open_simulated("gvt,size=64x64,fps=0", lambda: now), lambda each, *_: records.append(each), lambda: now
    )
    poller = Poller(device, clock=lambda: now)
    try:
        poller.latest()
        first = len(records)
        for _ in range(50):
            now += MS
            poller.latest()
        assert len(records) == first > 0
    finally:
        poller.close()


def test_every_answer_of_a_poll_has_the_time_of_its_begin() -> None:
    now = START

    def clock() -> int:
        nonlocal now
        now += 1
        return now

    times: dict[int, set[type]] = {}
    device = RecordingDevice(
        open_simulated("gvt,size=64x64,fps=0", lambda: START),
        lambda each, poll_ns, _ns: times.setdefault(poll_ns, set()).add(type(each)),
        clock,
    )
    poller = Poller(device, clock=lambda: START)
    try:
        poller.latest()
    finally:
        poller.close()
    # The probe comes before the first poll; the poll has two queries and two fetches.
    assert len(times) == 2
    assert {each.__name__ for each in times[max(times)]} == {"Query", "Fetch"}


def test_a_value_that_the_file_cannot_hold_costs_only_its_own_message(tmp_path: Path) -> None:
    file = CaptureFile(os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT), context(), lambda: START)
    file.record(Read(4, 2**64 + 3, b"1234"), START, START)
    file.record(Query(1, 2, None, 22), START, START)
    file.finish("duration")
    recording = RecordingFile(tmp_path / "a")
    recording.close()
    assert recording.recording.damage == "1 messages cannot be read"
    assert recording.recording.query(1, 2, 0) == Query(1, 2, None, 22)


def test_calls_reach_the_device_unchanged() -> None:
    simulated = open_simulated("gvt,size=64x64,fps=0")
    device, records = _recorded(simulated)
    try:
        expected, answer = bytearray(24), bytearray(24)
        expected[:4] = answer[:4] = (24).to_bytes(4, "little")
        simulated.ioctl(vfio.VFIO_DEVICE_GET_INFO, expected)
        assert device.ioctl(vfio.VFIO_DEVICE_GET_INFO, answer) == 0
        assert answer == expected
        assert len(records) == 1
    finally:
        device.close()
