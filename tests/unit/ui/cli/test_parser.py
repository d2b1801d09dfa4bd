"""The man page in the repository is the one the parser makes."""

import subprocess
import sys

from app.sim.config.spec import _PARSERS
from tests.unit.command import REPOSITORY

PAGE = REPOSITORY / "packaging/man/mdevview.1"


def test_man_page_agrees_with_the_parser() -> None:
    made = subprocess.run(
        [sys.executable, "packaging/manpage.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    # Where argparse wraps the lines differs between versions of Python.
    assert PAGE.read_text().split() == made.split(), (
        "the command line changed: run 'python packaging/manpage.py >packaging/man/mdevview.1'"
    )


def test_man_page_explains_every_key_of_a_simulated_device() -> None:
    assert [line[3:-1] for line in PAGE.read_text().splitlines() if line.startswith(".B ") and line.endswith("=")] == [
        *_PARSERS
    ]
