"""Runs the command line as a user does: another process, without this one's modules."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`mdevview ARGUMENTS`, then the Python statements of `code`."""
    start = f"from ui.cli.main import main; status = main({list(arguments)!r}); {code or 'raise SystemExit(status)'}"
    return subprocess.run(
        [sys.executable, "-c", start],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
