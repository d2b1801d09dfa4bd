"""Measurements of a running VM: complete files, keys and what they change, and comparisons of the files."""

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.program import command

_KEYS = 5
# Where the small guest shows what was typed. A line of the BIOS' text before it does not change.
_REGION = "0,0,320,400"
_SCANCODE_ESC = 1
# Long enough for the 368 polls that p99 needs, also where an emulated CPU does 50 a second.
_SLOW_S = 15.0
# Longer than the pauses of an undisturbed run.
_PAUSE_S = 0.3


def _files(folder: Path, name: str) -> tuple[str, ...]:
    # An emulated CPU that draws the whole picture again and again has no time for anything else.
    paths = (str(folder / f"{name}.json"), str(folder / f"{name}.csv"))
    return ("--size", "64x64", "--timeout", "60", "--json", paths[0], "--csv", paths[1])


def _read(folder: Path, name: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The document and the rows, which must be whole."""
    with (folder / f"{name}.csv").open() as file:
        assert file.readline() == "# mdevview measure csv 1\n"
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(None not in (*row, *row.values()) for row in rows)
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    assert (document["version"], document["kind"], document["state"]) == (1, "measure", "showing")
    assert document["frames_shown"] + document["repeats"] == len(rows)
    return document, rows


def _measure_stopped_again_and_again(folder: Path, *arguments: str) -> None:
    """Measure for some seconds, and stop the process for a moment again and again."""
    log, rows = folder / "slow.log", folder / "slow.csv"
    process = command.start("measure", *arguments, "--duration", str(_SLOW_S), *_files(folder, "slow"), errors=log)
    try:
        command.wait_until(lambda: rows.exists() and rows.read_text().count("\n") > 2, process)
        until = time.monotonic() + _SLOW_S
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGSTOP)
            time.sleep(_PAUSE_S)
            process.send_signal(signal.SIGCONT)
            time.sleep(_PAUSE_S)
        process.wait(command.PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, log.read_text()


def test_files_of_a_running_vm_are_complete_and_can_be_compared(
    create: Create, start_vm: StartVm, pictures: Path, fact: Fact
) -> None:
    machine = start_vm(create("mbochs_rw", "small"), name="measured", menu=False)
    machine.wait_for_guest()

    done = command.run("measure", "vm:measured", "--duration", "10", *_files(pictures, "run"))
    assert (done.status, done.err) == (0, "")
    document, _ = _read(pictures, "run")
    assert document["complete"]
    assert document["duration_s"] >= 10
    assert document["stages"]["poll_interval"]["count"] > 100
    assert (document["planes"]["primary"]["backing"], document["meta"]["options"]["duration_s"]) == ("dmabuf", 10)

    keys = ("--input", "esc", "--count", str(_KEYS), "--region", _REGION, "--input-timeout", "30")
    done = command.run("measure", "vm:measured", *keys, *_files(pictures, "input"))
    assert (done.status, done.err) == (0, "")
    fact("measure --input esc", done.out)
    read = machine.keys()
    assert [scancode for _, scancode in read] == [_SCANCODE_ESC] * _KEYS
    document, rows = _read(pictures, "input")
    assert document["complete"]
    assert (document["inputs_sent"], document["input_misses"], len(document["inputs"])) == (_KEYS, 0, _KEYS)
    submitted = {int(row["submit_ns"]) for row in rows}
    for each in document["inputs"]:
        assert each["sent_ns"] < each["acknowledged_ns"]
        assert each["previous_look_ns"] < each["changed_ns"] < each["submit_ns"]
        assert each["submit_ns"] in submitted
    for name in ("input_to_acknowledge", "input_to_change", "input_to_submit"):
        assert document["stages"][name]["count"] == _KEYS

    run = str(pictures / "run.json")
    done = command.run_here("compare", run, run)
    assert (done.status, done.err) == (0, "")
    assert "no difference" in done.out

    _measure_stopped_again_and_again(pictures, "vm:measured")
    document, _ = _read(pictures, "slow")
    assert document["complete"]
    done = command.run_here("compare", run, str(pictures / "slow.json"), "--fail-if", "poll_interval.p99>+10%")
    fact("compare with a run that was stopped again and again", done.out)
    assert done.status == 1
    assert "poll_interval.p99>+10%" in done.err
    assert "a real difference" in done.out
