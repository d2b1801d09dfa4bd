"""Skip or fail a test when this machine lacks what the test needs.

An environment variable decides. Unset: skip, with the reason. ``0``: skip. ``1``: fail, so that a machine that must run
the tests cannot succeed without them. ``CI=true`` is ``1`` for all tests. The lab has ``MDEVVIEW_LAB`` of its own, see
:mod:`tests.lab.gate`. The idea is that of drgn's kernel tests.
"""

import os
import shutil
from typing import NoReturn

import pytest


def forbidden(variable: str) -> bool:
    """Whether this variable forbids its tests."""
    return os.environ.get(variable) == "0"


def required(variable: str = "CI") -> bool:
    """Whether a test fails where something is missing: by this variable, or by ``CI`` unless this one forbids it."""
    return os.environ.get(variable) == "1" or (not forbidden(variable) and os.environ.get("CI") == "true")


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where everything must be there."""
    if required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def need_programs(*names: str) -> None:
    """Skip or fail a test that runs these programs where one of them is not installed."""
    missing = [each for each in names if shutil.which(each) is None]
    if missing:
        unavailable(f"not installed: {', '.join(missing)}")
