"""A plug-in of pytest for machines that share the tests: each takes the next module that no other has taken.

``-p tests.lab.claims``. Every machine can write to the folder MDEVVIEW_LAB_CLAIMS. One with MDEVVIEW_LAB_FROM_END
begins with the last module.
"""

import os
from itertools import groupby
from pathlib import Path

import pytest

_FOLDER = Path(os.environ["MDEVVIEW_LAB_CLAIMS"])
_ours: dict[Path, bool] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("MDEVVIEW_LAB_FROM_END"):
        modules = [list(each) for _, each in groupby(items, key=lambda item: item.path)]
        items[:] = [item for module in reversed(modules) for item in module]


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """True, which ends the call of the hook, for a test of a module that another machine has."""
    module = item.path
    if module not in _ours:
        try:
            (_FOLDER / f"{module.parent.name}.{module.stem}").mkdir()
            _ours[module] = True
        except FileExistsError:
            _ours[module] = False
    return None if _ours[module] else True
