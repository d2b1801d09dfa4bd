"""Runs ``mdevview`` as :mod:`tests.window.window_driver` does, on a host without vGPUs."""

import sys
import tempfile
from pathlib import Path

from app.host.paths import HOST
from tests.unit.hosts import Host
from tests.window.window_driver import run

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        for each in ("sys", "dev", "proc", "modules"):
            # Every function has this object as its default.
            object.__setattr__(HOST, each, getattr(host.paths, each))
        sys.exit(run(sys.argv[1:]))
