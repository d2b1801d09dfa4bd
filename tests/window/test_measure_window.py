"""``mdevview measure --window``: the frames of a window, with the times of the GPU and of the display."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.window.displays import Display

_PATIENCE_S = 60


def measure(
    display: Display, target: str, folder: Path, *options: str, interrupt: int = 0
) -> tuple[int, str, dict[str, Any], list[dict[str, str]]]:
    """The exit status, what is on standard error, the document, and the rows of the CSV file."""
    command = [sys.executable, "-m", "mdevview", "measure", target, "--window", *options]
    command += ["--json", str(folder / "a.json"), "--csv", str(folder / "a.csv")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=display.env, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            if interrupt:
                wait_for_rows(folder / "a.csv", 20)
                process.send_signal(interrupt)
            _, errors = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    document = json.loads((folder / "a.json").read_text()) if (folder / "a.json").exists() else {}
    lines = (folder / "a.csv").read_text().splitlines()[1:]
    return process.returncode, errors, document, list(csv.DictReader(lines))


def wait_for_rows(file: Path, count: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not file.exists() or file.read_text().count("\n") < count:
        assert time.monotonic() < end, "no rows"
        time.sleep(0.05)


@pytest.mark.parametrize(("display_name", "source"), [("wayland", "wp_presentation"), ("x11", "frame_swapped")])
def test_each_picture_has_the_times_of_the_gpu_and_of_the_display(
    display_name: str, source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    display: Display = request.getfixturevalue(display_name)
    status, errors, document, rows = measure(
        display, "sim:gvt,size=320x240,fps=40", tmp_path, "--duration", "1.5", "--size", "640x480"
    )
    assert (status, errors) == (0, "")
    assert document["complete"] and document["meta"]["presentation"] == source
    # Weston without a screen tells times of another clock, which are converted.
    assert document["meta"]["presentation_clock"] == ("monotonic_raw" if source == "wp_presentation" else None)
    options = document["meta"]["options"]
    assert (options["window"], options["draw_width"], options["draw_height"]) == (True, 640, 480)
    assert document["meta"]["presentation_counts"].get("invalid", 0) == 0
    stages = document["stages"]
    assert min(stages[name]["count"] for name in ("gpu", "present", "flip_to_submit", "flip_to_present")) >= 5
    assert [int(row["frame"]) for row in rows] == list(range(1, len(rows) + 1))
    shown = [(int(row["submit_ns"]), int(row["present_ns"])) for row in rows if row["present_ns"] != "NA"]
    assert len(shown) >= len(rows) // 2
    assert all(submit <= present for submit, present in shown)
    assert [present for _, present in shown] == sorted(present for _, present in shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_early_with_whole_files(wayland: Display, tmp_path: Path, number: int) -> None:
    status, errors, document, rows = measure(
        wayland, "sim:gvt,size=64x64,fps=40", tmp_path, "--duration", "600", interrupt=number
    )
    assert (status, errors) == (128 + number, "")
    assert document["complete"] is False
    assert len(rows) == document["frames_shown"] + document["repeats"] >= 18


def test_a_device_that_goes_and_a_device_without_a_picture_are_errors(x11: Display, tmp_path: Path) -> None:
    """In the first case what was measured until then is in the files."""
    status, errors, document, rows = measure(
        x11, "sim:gvt,size=64x64,fps=40,fault=gone@3", tmp_path, "--duration", "600"
    )
    assert status == 3 and "device-removed" in errors
    assert document["complete"] is False and len(rows) > 5
    status, errors, _, rows = measure(x11, "sim:gvt,fault=off@0", tmp_path, "--timeout", "1")
    assert status == 5 and "plane-off" in errors and rows == []


def test_a_size_for_which_the_screen_has_no_room_is_refused(wayland: Display, tmp_path: Path) -> None:
    """Qt crashed in making so large a frame around the window."""
    status, errors, _, rows = measure(wayland, "sim:gvt,size=64x64", tmp_path, "--size", "99999x99999")
    assert status == 2 and len(errors.splitlines()) == 1 and "has no room" in errors
    assert rows == []


def test_a_window_that_drew_nothing_in_time_is_not_said_to_show_something(wayland: Display, tmp_path: Path) -> None:
    """On a fast display the first picture may be there before the first look for it."""
    status, errors, _, rows = measure(wayland, "sim:gvt,size=64x64", tmp_path, "--timeout", "0", "--duration", "1")
    assert (status, bool(rows)) in ((5, False), (0, True))
    assert "showing" not in errors
    assert len(errors.splitlines()) <= 1 or rows


def test_a_fixed_interval_of_polls_is_an_option_of_the_run(wayland: Display, tmp_path: Path) -> None:
    _, _, document, _ = measure(wayland, "sim:gvt,size=64x64", tmp_path, "--duration", "0.3", "--poll", "16")
    assert document["meta"]["options"]["poll_ms"] == 16


def test_a_display_that_goes_is_not_said_to_have_shown_nothing(x11: Display, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mdevview", "measure", "sim:gvt,size=64x64", "--window", "--duration", "600"]
    command += ["--csv", str(tmp_path / "a.csv")]
    with subprocess.Popen(command, env=x11.env, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for_rows(tmp_path / "a.csv", 5)
            # As if the X server closed the connection.
            find = ["xdotool", "search", "--onlyvisible", "--name", "mdevview", "windowkill"]
            subprocess.run(find, env=x11.env, check=True, timeout=_PATIENCE_S)
            _, errors = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 1
    own = [each for each in errors.splitlines() if each.startswith("mdevview: ")]
    assert len(own) == 1 and "the display went away" in own[0]
