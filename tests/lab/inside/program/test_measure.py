"""``measure`` on real drivers: flips at known times, and QEMU's own window beside mdevview on one vGPU."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.measure.compare.comparison import comparison_document
from app.measure.compare.comparison_text import comparison_text
from app.measure.compare.run_file import read_run
from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.program import command
from tests.window.displays import Display

_FLIPPER = Path(__file__).parents[1] / "programs/flipper.py"
# Two buffers of whole pages.
_SIZE = (320, 256)
# So far apart that an emulated machine of this speed polls between two of them, also beside QEMU's own window.
_FLIPS, _PAUSE_MS = 30, 300
_FLIPS_BESIDE, _PAUSE_BESIDE_MS = 8, 2500
# It ends by SIGINT, when the flips are done.
_MEASURE = ("--size", "64x64", "--timeout", "300", "--duration", "600")
# QEMU and weston draw with the same emulated CPUs meanwhile.
_PATIENCE_S = 300.0

pytestmark = pytest.mark.usefixtures("no_mbochs")


class Flipper:
    """The independent program. ``times`` are the times before and after each flip."""

    def __init__(self, flips: int, pause_ms: int, *where: str) -> None:
        arguments = map(str, (*_SIZE, flips, pause_ms, *where))
        self.process = subprocess.Popen(
            [sys.executable, "-ISB", str(_FLIPPER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def flip(self) -> list[tuple[int, int]]:
        """Flip as often as it was started for. Returns the times before and after each flip."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        times = []
        while (line := self._line()) != "done":
            before, after = map(int, line.split())
            times.append((before, after))
        return times

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def flipper(flips: int, pause_ms: int, *where: str) -> Iterator[Flipper]:
    started = Flipper(flips, pause_ms, *where)
    try:
        yield started
    finally:
        started.process.communicate(timeout=_PATIENCE_S)


def _wait_until(ready: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not ready():
        assert process.poll() is None, f"it ended with status {process.returncode}"
        assert time.monotonic() < until
        time.sleep(0.1)


def _measure_flips(
    flip: Callable[[], list[tuple[int, int]]], rows: Path, log: Path, *arguments: str
) -> list[tuple[int, int]]:
    """Run ``measure`` while the program flips; returns the times of the flips."""
    process = command.start("-v", "measure", *arguments, *_MEASURE, "--csv", str(rows), errors=log)
    try:
        _wait_until(lambda: rows.exists() and rows.read_text().count("\n") > 2, process)
        times = flip()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(_PATIENCE_S) == 130, log.read_text()
    except AssertionError:
        print(log.read_text())
        raise
    finally:
        process.kill()
        process.wait()
    return times


def _rows(file: Path) -> list[dict[str, str]]:
    lines = file.read_text().splitlines()
    assert lines[0].startswith("# mdevview measure csv 1")
    return list(csv.DictReader(lines[1:]))


def _check_flips(times: list[tuple[int, int]], rows: list[dict[str, str]]) -> list[float]:
    """Each flip is a row, and its true time lies in the row's band. Returns the widths of the bands in milliseconds."""
    flips = [row for row in rows if row["kind"] == "flip"]
    assert len(flips) == len(times)
    widths = []
    for (before, after), row in zip(times, flips, strict=True):
        earliest, latest = int(row["previous_poll_ns"]), int(row["seen_ns"])
        assert earliest <= after and before <= latest, (before, after, row)
        widths.append((latest - earliest) / 1e6)
    assert {row["dmabuf_id"] for row in flips[0::2]} != {row["dmabuf_id"] for row in flips[1::2]}
    return sorted(widths)


def _figures(document: dict[str, Any], *stages: str) -> dict[str, Any]:
    return {
        name: {key: document["stages"][name][f"{key}_us"] for key in ("p50", "p50_low", "p50_high", "p99")}
        | {"count": document["stages"][name]["count"]}
        for name in stages
        if name in document["stages"]
    }


def test_flips_at_known_times_are_in_the_csv_within_their_bands(create: Create, tmp_path: Path, fact: Fact) -> None:
    rows, document = tmp_path / "flips.csv", tmp_path / "run.json"
    with flipper(_FLIPS, _PAUSE_MS, create("mbochs_rw", "small")) as other:
        target = f"pid:{other.process.pid}"
        times = _measure_flips(other.flip, rows, tmp_path / "log", target, "--json", str(document))
        widths = _check_flips(times, _rows(rows))
    run = json.loads(document.read_text())
    assert (run["flips_seen"], run["flips_superseded"], len(times)) == (_FLIPS, 0, _FLIPS)
    fact("measure: width of a flip's band, ms", f"median {widths[_FLIPS // 2]:.2f}, widest {widths[-1]:.2f}")
    fact("measure: figures, us", _figures(run, "poll_interval", "query", "flip_to_poll", "flip_to_submit"))


def _check_nothing_is_left_after_a_kill(pid: int, log: Path) -> None:
    instances = Path("/sys/kernel/tracing/instances")
    assert list(instances.iterdir()) == [], "the run that ended left its instance"
    process = command.start("measure", "--observe", f"pid:{pid}", "--duration", "600", errors=log.with_suffix(".2"))
    try:
        _wait_until(lambda: list(instances.glob("*/trace_clock")), process)
    finally:
        process.kill()
        process.wait()
    until = time.monotonic() + _PATIENCE_S
    while list(instances.iterdir()):
        assert time.monotonic() < until, "the killed run left its instance"
        time.sleep(0.1)


def test_qemus_own_window_is_observed_beside_mdevview(
    create: Create, start_vm: StartVm, session: Display, tmp_path: Path, pictures: Path, fact: Fact
) -> None:
    theirs, ours, rows = pictures / "measure-qemu.json", pictures / "measure-own.json", pictures / "measure-flips.csv"
    log = pictures / "measure-log.txt"
    machine = start_vm(create("mbochs_rw", "small"), name="window", extra=("-S",), display="gtk,gl=on", env=session.env)
    machine.wait_for_device()
    machine.command("query-status")
    where = (str(machine.pid), str(machine.device_fds[0]))
    with flipper(_FLIPS_BESIDE, _PAUSE_BESIDE_MS, *where) as other:
        observe = ("--observe", f"pid:{machine.pid}", "--json", str(theirs), "--own-json", str(ours))
        times = _measure_flips(other.flip, rows, log, f"pid:{machine.pid}", *observe)
    _check_nothing_is_left_after_a_kill(machine.pid, log)
    machine.kill()
    _check_flips(times, _rows(rows))
    qemu, own = json.loads(theirs.read_text()), json.loads(ours.read_text())
    stages = ("poll_interval", "query", "fetch", "flip_to_poll", "flip_to_submit")
    fact("observed: QEMU gtk,gl=on, us", _figures(qemu, *stages))
    fact("observed: mdevview beside it, us", _figures(own, *stages))
    fact("observed: the table", log.read_text().splitlines())
    assert (qemu["meta"]["observed"]["pid"], qemu["meta"]["observed"]["name"]) == (machine.pid, "qemu-system-x86")
    assert (qemu["events_lost"], qemu["devices"]) == (0, [])
    assert qemu["flips_seen"] == own["flips_seen"] == _FLIPS_BESIDE
    lag, own_lag = qemu["stages"]["flip_to_poll"], own["stages"]["flip_to_poll"]
    assert lag["p50_low_us"] <= lag["p50_us"] <= lag["p50_high_us"] <= qemu["stages"]["poll_interval"]["max_us"]
    # The first and the last flip may be without a poll before and after them.
    assert _FLIPS_BESIDE - 2 <= lag["count"] <= _FLIPS_BESIDE
    # QEMU polls as often as its window is refreshed, mdevview as often as it can.
    assert lag["p50_us"] > own_lag["p50_us"]
    assert qemu["fetches"] >= 1 and qemu["queries"] >= qemu["polls"] > 0
    compared = comparison_text(comparison_document([read_run(str(theirs)), read_run(str(ours))]))
    fact("observed: QEMU and mdevview compared", compared)
    assert "flip_to_poll" in compared and "poll_interval" in compared
