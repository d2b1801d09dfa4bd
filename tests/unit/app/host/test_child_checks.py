"""Checks in processes of their own, which may crash, hang or never stop printing."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from app.host.child_checks import CheckEnd, ChildChecks
from tests.unit.qmp_server import until


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _living(group: int) -> list[str]:
    """The processes of a group that have not ended. A zombie waits for the host's process 1."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, number, *_ = each.read_text().rpartition(")")[2].split()
            if int(number) == group and state not in "ZX":
                found.append(state)
    return found


def test_each_end_is_told() -> None:
    with ChildChecks() as checks:
        checks.start("done", _python("print('answer')"))
        checks.start("status", _python("raise SystemExit(3)"))
        checks.start("crash", _python("import os; os.abort()"))
        checks.start("flood", _python("while True: print('x' * 10000)"))
        checks.start("missing", ["/no/such/program"])
        ends = checks.finish(60)
    assert ends["done"] == CheckEnd(b"answer\n")
    assert ends["status"].fault == "it ended with status 3"
    assert ends["crash"].fault == "it was ended by SIGABRT"
    assert ends["flood"].fault == "it printed more than 262144 bytes"
    assert ends["missing"].fault.startswith("it cannot be started: ")


@pytest.mark.parametrize(
    "hang",
    [
        "import time; time.sleep(600)",
        "import os, time; os.close(1); time.sleep(600)",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(600)",
        "import os, time; os.fork(); time.sleep(600)",
    ],
)
def test_a_check_that_hangs_is_ended_with_its_children(hang: str, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    began = time.monotonic()
    with ChildChecks() as checks:
        checks.start("hang", _python(f"import os; open({str(note)!r}, 'w').write(str(os.getpid()))\n{hang}"))
        while not note.exists() or not note.read_text():
            time.sleep(0.01)
        fault = checks.finish(0.3)["hang"].fault
    assert fault == "it did not end within 0.3 s"
    assert time.monotonic() - began < 30
    until(lambda: not _living(int(note.read_text())))


def test_closing_ends_what_runs() -> None:
    checks = ChildChecks()
    checks.start("hang", _python("import time; time.sleep(600)"))
    checks.close()
    checks.close()
    assert checks.finish(1) == {}
