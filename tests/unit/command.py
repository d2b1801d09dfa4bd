"""Runs the command line, or another module, as a user does: in another process, without this one's modules."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MDEVVIEW = "tests.unit.programs.mdevview"


def run(*arguments: str, module: str = MDEVVIEW, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE ARGUMENTS`, which is `mdevview ARGUMENTS` unless another module is given."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run_without_display(module: str, *arguments: str, **environment: str) -> None:
    """Runs a module that uses Qt, with windows that no display shows. Fails when the module fails."""
    done = run(*arguments, module=module, QT_QPA_PLATFORM="offscreen", **environment)
    assert done.returncode == 0, done.stderr
