"""Compiles on the host what the labs' machines import: they are slow, and cannot write to this tree."""

import compileall
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# The first would write into the tree, which is read-only in the machines; the others take seconds to start.
PYTEST = (
    *(sys.executable, "-m", "pytest"),
    *("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "tests.lab.noted"),
)
"""How pytest is started in a machine. Its assertions are compiled only if its plug-ins are the same here."""


def compile_for(tests: str) -> None:
    """Compile the program, and a folder of tests as pytest does, which rewrites their assertions."""
    for part in ("app", "gl", "ui", "tests", "packaging/launcher"):
        compileall.compile_dir(REPOSITORY / part, quiet=2)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # Without it the machine compiles them again, which is only slower.
    subprocess.run(
        [*PYTEST, "--collect-only", "-q", tests],
        cwd=REPOSITORY,
        env=environment | {"MDEVVIEW_IN_LAB": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
