"""``mdevview measure`` of simulated devices: complete files, and valid ones however the run ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gl.context import Context
from tests.gl.surfaces import memfds_are_copied
from tests.unit.command import MDEVVIEW, REPOSITORY, run

_STAGES = {"poll_interval", "query", "submit", "flip_to_submit", "true_flip_to_submit", "jitter"}
_KEYS = {"p50", "p90", "p95", "p99", "p999", "max"}
_SMALL = ("--size", "64x64")


def _measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("measure", *arguments, *_SMALL)


def _rows(path: Path) -> list[dict[str, str]]:
    """Every line is whole, and has all columns."""
    text = path.read_text("ascii")
    assert text.endswith("\n")
    version, columns, *lines = text.splitlines()
    assert version == "# mdevview measure csv 1"
    rows = [dict(zip(columns.split(","), line.split(","), strict=True)) for line in lines]
    assert [row["frame"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    return rows


def _start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", MDEVVIEW, "measure", *arguments, *_SMALL]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for_rows(path: Path, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 60
    while not path.exists() or path.read_text("ascii").count("\n") < 12:
        assert process.poll() is None and time.monotonic() < end, "no rows were written"
        time.sleep(0.05)


def test_files_of_a_whole_run_agree_with_each_other_and_the_guest(gl_context: Context, tmp_path: Path) -> None:
    files = tmp_path / "a.json", tmp_path / "a.csv"
    done = _measure("sim:gvt,fps=30", "--duration", "2", "--json", str(files[0]), "--csv", str(files[1]))
    assert (done.returncode, done.stderr) == (0, "")
    assert "flip to submit" in done.stdout
    document: dict[str, Any] = json.loads(files[0].read_text())
    rows = _rows(files[1])
    assert document["version"] == 1 and document["kind"] == "measure"
    assert document["complete"] is True and document["duration_s"] >= 2
    path = document["planes"]["primary"]["path"]
    assert path == "egl-image" or (path == "copy" and memfds_are_copied(gl_context))
    assert document["stages"].keys() >= _STAGES
    for stage in document["stages"].values():
        assert stage["count"] == sum(count for _, count in stage["histogram"])
        for key in _KEYS:
            assert stage[f"{key}_low_us"] <= stage[f"{key}_us"] <= stage[f"{key}_high_us"]
    flips = [row for row in rows if row["kind"] == "flip"]
    assert len(flips) == document["stages"]["flip_to_submit"]["count"]
    # The guest flips 60 times in two seconds.
    assert 0 < document["flips_seen"] <= 62
    assert document["flips_seen"] - len(flips) - document["flips_superseded"] in (0, 1)
    assert len(rows) == document["frames_shown"] + document["repeats"]
    for row in flips:
        assert int(row["previous_poll_ns"]) < int(row["seen_ns"]) < int(row["submit_ns"])
    # The true time of a flip lies in the band of the estimate, and so do its percentiles.
    true, estimate = (document["stages"][name] for name in ("true_flip_to_submit", "flip_to_submit"))
    assert true["count"] == estimate["count"]
    for key in ("p50", "p90", "max"):
        assert estimate[f"{key}_low_us"] <= true[f"{key}_high_us"]
        assert true[f"{key}_low_us"] <= estimate[f"{key}_high_us"]
    assert document["meta"]["driver"] == "intel_vgpu_mdev" and document["meta"]["simulated"] is True
    assert document["meta"]["options"]["draw_width"] == 64


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_run_that_is_stopped_leaves_valid_files(tmp_path: Path, stop: signal.Signals) -> None:
    files = tmp_path / "a.json", tmp_path / "a.csv"
    with _start("sim:gvt", "--duration", "600", "--json", str(files[0]), "--csv", str(files[1])) as process:
        try:
            _wait_for_rows(files[1], process)
            process.send_signal(stop)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (128 + stop, "")
    document = json.loads(files[0].read_text())
    assert document["complete"] is False
    assert document["frames_shown"] + document["repeats"] == len(_rows(files[1]))


def test_waiting_for_a_picture_ends_at_once() -> None:
    with _start("sim:gvt,size=64x64,fault=off@0", "--timeout", "600") as process:
        try:
            end = time.monotonic() + 60
            # The guest's process is started when the device is opened.
            while not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text():
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors) == (128 + signal.SIGINT, "")


def test_killed_run_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with _start("sim:gvt", "--duration", "600", "--csv", str(path)) as process:
        try:
            _wait_for_rows(path, process)
        finally:
            process.kill()
    assert len(_rows(path)) >= 10


def test_device_that_goes_leaves_valid_files_and_ends_with_status_3(tmp_path: Path) -> None:
    files = tmp_path / "a.json", tmp_path / "a.csv"
    arguments = ("--duration", "60", "--json", str(files[0]), "--csv", str(files[1]))
    done = _measure("sim:gvt,fault=gone@1.5", *arguments)
    assert done.returncode == 3, done.stderr
    assert len(done.stderr.splitlines()) == 1
    document = json.loads(files[0].read_text())
    assert (document["complete"], document["state"]) == (False, "gone")
    assert len(_rows(files[1])) >= 1


def test_device_without_a_picture_makes_no_files(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    done = _measure("sim:gvt,fault=off@0", "--timeout", "0.2", "--csv", str(path))
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1
    assert not path.exists()


def test_documents_on_standard_output_are_alone_there() -> None:
    done = _measure("sim:gvt", "--duration", "0.3", "--json", "-")
    assert json.loads(done.stdout)["kind"] == "measure"
    done = _measure("sim:gvt", "--duration", "0.3", "--csv", "-")
    assert done.stdout.startswith("# mdevview measure csv 1\nframe,")
    assert "median" not in done.stdout


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_file_that_cannot_be_written_is_one_line(option: str) -> None:
    done = _measure("sim:gvt", "--duration", "0.3", option, "/dev/full")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "/dev/full" in line and "No space left" in line


def test_both_files_on_standard_output_are_refused() -> None:
    done = _measure("sim:gvt", "--json", "-", "--csv", "-")
    assert done.returncode == 2
    assert "standard output" in done.stderr


def test_plane_that_goes_off_and_comes_back_is_measured_on(gl_context: Context, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    done = _measure("sim:gvt,fault=off@0.7-1", "--duration", "2", "--json", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    state = json.loads(path.read_text())["state"]
    assert state == "showing" or (state == "degraded" and memfds_are_copied(gl_context))


def test_progress_is_not_printed_where_nobody_reads_it() -> None:
    done = _measure("sim:gvt", "--duration", "1.2")
    assert done.stderr == ""


def test_progress_on_a_terminal_is_one_line_that_goes_away() -> None:
    leader, terminal = os.openpty()
    try:
        command = [sys.executable, "-m", MDEVVIEW, "measure", "sim:gvt", "--duration", "5", *_SMALL]
        subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=terminal, check=True, timeout=60)
        os.close(terminal)
        terminal = -1
        shown = os.read(leader, 4096).decode()
    finally:
        os.close(leader)
        if terminal >= 0:
            os.close(terminal)
    assert re.search(r"[1-4] of 5 s", shown)
    assert shown.endswith("\r\x1b[K") and "\n" not in shown


def test_terminal_that_is_closed_costs_no_file(tmp_path: Path) -> None:
    files = tmp_path / "a.json", tmp_path / "a.csv"
    leader, terminal = os.openpty()
    arguments = ("--duration", "600", "--json", str(files[0]), "--csv", str(files[1]), *_SMALL)
    command = [sys.executable, "-m", MDEVVIEW, "measure", "sim:gvt", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=terminal) as process:
        try:
            os.close(terminal)
            end = time.monotonic() + 60
            while not files[1].exists() or files[1].read_text("ascii").count("\n") < 12:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
            os.close(leader)
            # As the shell of the terminal does it.
            process.send_signal(signal.SIGHUP)
            assert process.wait(60) == 128 + signal.SIGHUP
        finally:
            process.kill()
    assert json.loads(files[0].read_text())["complete"] is False
