"""``measure --input`` with a fake VM, which changes the picture a known time after each key."""

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.measure.record.input_probe import ProbeTimes
from app.planes.buffer import MemoryBuffer
from app.qemu.qmp_address import UnixAddress
from app.vm.input_route import InputRoute, NoInput, QmpInput
from tests.pushed.session import pushed_session
from tests.pushed.source import BLOCK, PushedSource
from tests.unit.qmp_server import Client, FakeVm
from ui.cli.main import main

_MS = 1_000_000
_QUICK = ProbeTimes(baseline=100 * _MS, rest=20 * _MS, jitter=10 * _MS, settle=1000 * _MS)
_REGION = f"{BLOCK.x},{BLOCK.y},{BLOCK.width},{BLOCK.height}"


class ReactingVm(FakeVm):
    """Draws ``delay_s`` after each command with input. ``drawn`` has the times before and after each draw."""

    def __init__(self, path: Path, source: PushedSource) -> None:
        self.source = source
        self.delay_s: float | None = 0.03
        self.drawn: list[tuple[int, int]] = []
        self._timers: list[threading.Timer] = []
        super().__init__(path)

    def answer(self, client: Client, message: dict[str, Any]) -> None:
        if message["execute"] == "input-send-event" and self.delay_s is not None:
            self._timers.append(threading.Timer(self.delay_s, self.draw))
            self._timers[-1].start()
        super().answer(client, message)

    def draw(self) -> None:
        before = time.monotonic_ns()
        self.source.draw()
        self.drawn.append((before, time.monotonic_ns()))

    def end_draws(self) -> None:
        for each in self._timers:
            each.join()


@dataclass
class Setup:
    """``run`` measures and returns the exit status, the document and the rows of the CSV file."""

    source: PushedSource
    vm: ReactingVm
    folder: Path
    route: list[InputRoute] = field(default_factory=list)

    def run(self, *arguments: str) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
        document, rows = self.folder / "run.json", self.folder / "run.csv"
        files = ("--json", str(document), "--csv", str(rows))
        status = main(["measure", "sim:gvt", *files, *arguments])
        if not document.exists():
            return status, {}, []
        with rows.open() as file:
            assert file.readline() == "# mdevview measure csv 1\n"
            return status, json.loads(document.read_text()), list(csv.DictReader(file))


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_context: None) -> Iterator[Setup]:
    source = PushedSource(tells_damage=False)
    with ReactingVm(tmp_path / "qmp", source) as vm:
        route: list[InputRoute] = [QmpInput(UnixAddress(str(vm.path)))]
        monkeypatch.setattr("ui.offscreen.open_target", lambda *_, **__: pushed_session(source, route=route[0]))
        monkeypatch.setattr("ui.cli.measure_input._TIMES", _QUICK)
        yield Setup(source, vm, tmp_path, route)
        vm.end_draws()


@pytest.fixture(params=["mapping", "gpu"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the pixels are read."""
    if request.param == "gpu":
        refused: Callable[..., bool] = _refuse
        monkeypatch.setattr("app.planes.picture_region.MappedRegionLooks.changed", refused)
    return str(request.param)


def _refuse(*_: object) -> bool:
    raise OSError("the CPU cannot read it")


@pytest.mark.parametrize("region", [("--region", _REGION), ()])
def test_true_time_of_each_change_lies_in_its_band(setup: Setup, path: str, region: tuple[str, ...]) -> None:
    status, document, rows = setup.run("--input", "a,backspace", "--count", "5", *region)
    assert (status, document["complete"]) == (0, True)
    counters = ("inputs_sent", "input_misses", "inputs_uncertain", "region_own_changes")
    assert [document[each] for each in counters] == [5, 0, 0, 0]
    inputs = document["inputs"]
    assert [each["key"] for each in inputs] == ["a", "backspace", "a", "backspace", "a"]
    assert len(setup.vm.drawn) == 5
    for each, (before, after) in zip(inputs, setup.vm.drawn, strict=True):
        assert each["sent_ns"] < each["acknowledged_ns"]
        assert each["previous_look_ns"] < after, "the draw was not over at the look before"
        assert before < each["changed_ns"] < each["submit_ns"]
    stages = document["stages"]
    for name in ("input_to_acknowledge", "input_to_change", "input_to_submit"):
        assert stages[name]["count"] == 5
    true_us = sorted((after - each["sent_ns"]) / 1000 for each, (_, after) in zip(inputs, setup.vm.drawn, strict=True))
    change = stages["input_to_change"]
    assert change["max_low_us"] <= true_us[-1]
    assert true_us[2] > 30_000, "the known delay"
    assert change["p50_high_us"] > 30_000
    assert stages["look"]["count"] > 10
    options = document["meta"]["options"]
    assert (options["look_path"], options["input"]) == (path, "a,backspace")
    assert options["region"] == (region[1] if region else "all")
    # One row for each picture, the first of which showed the picture before the keys.
    assert [each["kind"] for each in rows[-5:]] == ["change"] * 5
    assert [int(each["submit_ns"]) for each in rows[-5:]] == [each["submit_ns"] for each in inputs]


def test_socket_is_kept_for_the_measurement_and_its_manager_named(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    managed = setup.folder / "qemu-server"
    managed.symlink_to(setup.folder)
    setup.route[0] = QmpInput(UnixAddress(str(managed / "qmp")))
    assert setup.run("--input", "esc", "--count", "2", "--region", _REGION)[0] == 0
    words = "mdevview: Proxmox VE cannot use the VM's QMP socket until the measurement ends"
    assert words in capsys.readouterr().err.splitlines()
    assert setup.vm.connections == 1


def test_each_key_is_pressed_and_released_in_one_command_after_an_irregular_pause(setup: Setup) -> None:
    setup.run("--input", "esc", "--count", "6", "--region", _REGION)
    commands = [each["arguments"]["events"] for each in setup.vm.heard if each["execute"] == "input-send-event"]
    assert len(commands) == 6
    for events in commands:
        assert [(each["data"]["key"]["data"], each["data"]["down"]) for each in events] == [
            ("esc", True),
            ("esc", False),
        ]
    assert setup.vm.events == [event for events in commands for event in events], "nothing is left to release"


def test_guest_that_does_not_react_ends_with_a_line_and_the_partial_file(
    setup: Setup, capsys: pytest.CaptureFixture[str]
) -> None:
    setup.vm.delay_s = None
    status, document, _ = setup.run("--input", "esc", "--region", _REGION, "--input-timeout", "0.05")
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 1
    assert f"region {_REGION} did not change within 0.05 s after 'esc', 3 times in a row; " in line
    assert (document["complete"], document["inputs_sent"], document["input_misses"]) == (False, 3, 3)
    assert [each["changed_ns"] for each in document["inputs"]] == [None] * 3
    assert "input_to_change" not in document["stages"]
    assert document["stages"]["input_to_acknowledge"]["count"] == 3


def test_reaction_outside_the_region_is_none(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup.run("--input", "esc", "--region", "0,0,50,40", "--input-timeout", "0.1")[0] == 1
    assert "did not change" in capsys.readouterr().err


def test_restless_region_is_refused_before_any_key(
    setup: Setup, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.cli.measure_input._TIMES", ProbeTimes(baseline=600 * _MS))
    ended = threading.Event()

    def move() -> None:
        while not ended.wait(0.01):
            setup.source.draw()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        status, document, _ = setup.run("--input", "esc", "--region", _REGION)
    finally:
        ended.set()
        mover.join()
    assert status == 1
    assert "change by themselves" in capsys.readouterr().err
    assert (document["inputs_sent"], setup.vm.batches) == (0, 0)
    assert document["region_own_changes"] > 1


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"input-send-event": "no keyboard here"}, "'esc' was not sent: no keyboard here"),
        ({"query-status": {"status": "paused", "running": False}}, "the VM is paused"),
    ],
)
def test_vm_that_takes_no_input_is_told(
    setup: Setup, capsys: pytest.CaptureFixture[str], answers: dict[str, Any], words: str
) -> None:
    setup.vm.answers |= answers
    assert setup.run("--input", "esc")[0] == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_reason_of_a_session_without_input_is_told(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    setup.route[0] = NoInput("its command line has no QMP socket")
    assert setup.run("--input", "esc")[0] == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no key can be sent: its command line has no QMP socket; " in line


def test_region_outside_the_picture_is_refused(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup.run("--input", "esc", "--region", "300,0,30,10")[0] == 2
    assert "300,0,30,10 is not inside the picture of 320x240" in capsys.readouterr().err


def test_mode_without_the_region_ends_the_run(setup: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    shrink = threading.Timer(0.5, setup.source.shrink)
    shrink.start()
    status, document, _ = setup.run(
        "--input", "esc", "--region", "0,100,320,100", "--count", "1000", "--input-timeout", "99"
    )
    shrink.join()
    assert (status, document["complete"]) == (1, False)
    assert "region 0,100,320,100 is not inside the picture of 320x120" in capsys.readouterr().err


def test_interrupt_leaves_the_partial_files(setup: Setup) -> None:
    killer = threading.Timer(0.6, os.kill, (os.getpid(), signal.SIGINT))
    killer.start()
    status, document, rows = setup.run("--input", "esc", "--region", _REGION, "--count", "1000")
    killer.join()
    assert (status, document["complete"]) == (130, False)
    assert 0 < document["inputs_sent"] < 1000
    assert len(rows) >= document["stages"]["input_to_submit"]["count"]


def test_source_that_goes_ends_the_run(setup: Setup) -> None:
    end = threading.Timer(0.5, setup.source.end)
    end.start()
    status, document, _ = setup.run("--input", "esc", "--region", _REGION, "--count", "1000")
    end.join()
    assert (status, document["state"], document["complete"]) == (3, "gone", False)


def test_memory_that_cannot_be_read_any_more_is_read_by_the_gpu(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next test's, but a failure in the middle of a run."""
    mapping, calls = MemoryBuffer.mapping, []

    def fail_once(buffer: MemoryBuffer, start: int, length: int | None) -> Any:
        calls.append(start)
        if len(calls) == 20:
            raise OSError("vanished")
        return mapping(buffer, start, length)

    monkeypatch.setattr(MemoryBuffer, "mapping", fail_once)
    status, document, _ = setup.run("--input", "esc", "--region", _REGION, "--count", "2")
    assert (status, document["meta"]["options"]["look_path"]) == (0, "gpu")
