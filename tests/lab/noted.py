"""A plug-in of pytest in the lab's machines: writes each result to the disk at once (``-p tests.lab.noted``)."""

import json
import os
from pathlib import Path

import pytest

from tests.lab import report

REPORT = Path(os.environ.get("MDEVVIEW_LAB_REPORT", "."))


def note(**record: object) -> None:
    """Write a record to the disk at once, so that it is there even if the guest hangs."""
    with (REPORT / report.RESULTS).open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def pytest_runtest_logstart(nodeid: str) -> None:
    note(start=nodeid)


_worst: dict[str, pytest.TestReport] = {}
_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Join the three phases of a test to one result. A failed teardown (the check of the kernel) fails the test."""
    name = report.nodeid
    _seconds[name] = _seconds.get(name, 0.0) + report.duration
    if name not in _worst or (report.outcome != "passed" and _worst[name].outcome != "failed"):
        _worst[name] = report
    if report.when == "teardown":
        worst = _worst.pop(name)
        text = str(worst.longrepr[2]) if isinstance(worst.longrepr, tuple) else str(worst.longrepr or "")
        note(test=name.split("inside/")[-1], outcome=worst.outcome, seconds=_seconds.pop(name), text=text)
