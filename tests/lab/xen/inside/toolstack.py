"""xl and xenstore, as the owner of a Xen host calls them."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.noted import REPORT

PATIENCE_S = 120.0


def run(*command: str) -> str:
    """Run it to its end; fails with its error output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def configuration(name: str) -> Path:
    """The configuration of a guest that the host wrote (`tests.lab.xen.guest_config`)."""
    return REPORT / f"{name}.cfg"


def create(name: str) -> None:
    run("xl", "create", str(configuration(name)))


def domid(name: str) -> int:
    return int(run("xl", "domid", name))


def exists(name: str) -> bool:
    return subprocess.run(["xl", "domid", name], capture_output=True, check=False).returncode == 0


def read(path: str) -> str:
    """The value of a node of xenstore, empty if there is none."""
    done = subprocess.run(["xenstore-read", path], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def wait_until(ready: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
