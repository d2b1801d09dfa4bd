"""``python -m tests.unit.known_hosts HOST ARGUMENTS...``: runs mdevview as if this machine were that host.

Only what mdevview reads below /sys, /dev, /proc and /boot is replaced; graphics and windows are those of this machine.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from app.host.paths import HOST
from tests.unit.hosts import Host
from ui.cli.main import main


def run(name: str, arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        importlib.import_module(f"tests.unit.known_hosts.{name}").lay_out(host)
        for each in ("sys", "dev", "proc", "modules", "boot"):
            # Every function has this object as its default.
            object.__setattr__(HOST, each, getattr(host.paths, each))
        return main(arguments)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.unit.known_hosts HOST ARGUMENTS...")
    sys.exit(run(sys.argv[1], sys.argv[2:]))
