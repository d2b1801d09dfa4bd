"""What a test needs and this machine lacks: in one place, for every test.

Three states, after drgn's gate for its kernel tests. A variable that is unset: skip, with the reason. ``0``: skip.
``1``: fail instead, so that a machine meant to run the tests cannot pass without having run them. ``CI=true`` does
the same as ``1`` for all tests; :mod:`tests.lab.gate` adds ``MDEVVIEW_LAB`` for the lab alone.
"""

import os
import shutil
from typing import NoReturn

import pytest


def forbidden(variable: str) -> bool:
    """Whether this variable says that its tests are not to run."""
    return os.environ.get(variable) == "0"


def required(variable: str = "CI") -> bool:
    """Whether what is missing is a failure: by this variable, or by ``CI`` where this one forbids nothing."""
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
