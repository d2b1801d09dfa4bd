"""Stands in for QEMU where one is started: a program of that name (tests/unit/programs/qemu.py)."""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.vm.started_vm import StartedVm

_PATIENCE_S = 60.0
_SOURCE = Path(__file__).parent / "programs/qemu.py"


class FakeQemu:
    """``program`` is to be started; ``report`` is there once it runs, and ``commands`` what it was told by QMP.

    ``properties`` are those of its vfio-pci, and ``takes_fds`` gives it those of QEMU 9.0.
    """

    def __init__(self, folder: Path, takes_fds: bool = False, properties: tuple[str, ...] = ()) -> None:
        self.program = folder / "qemu-system-x86_64"
        self.report = folder / "report"
        self.program.write_text(f"#!{sys.executable} -S\n{_SOURCE.read_text()}")
        self.program.chmod(0o755)
        known = (*properties, *(("fd", "iommufd") if takes_fds else ()))
        (folder / "properties").write_text(" ".join(known))

    def reported(self, running: StartedVm) -> Any:
        """What it reports: waited for, while it runs."""
        until = time.monotonic() + _PATIENCE_S
        while not self.report.exists():
            assert running.child.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        return json.loads(self.report.read_text())

    @property
    def commands(self) -> list[str]:
        log = self.report.with_name(self.report.name + ".log")
        return log.read_text().split() if log.exists() else []

    def kill(self) -> None:
        """End it, if it runs."""
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                # The interpreter, its option, and the program. Later words are arguments of other programs.
                if os.fsencode(self.program) in each.read_bytes().split(b"\0")[:3]:
                    os.kill(int(each.parent.name), signal.SIGKILL)
