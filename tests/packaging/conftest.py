"""The helper as a module, for what it does without the rights of root."""

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.packaging.getfd import HELPER


@pytest.fixture(scope="module")
def helper() -> Any:
    """The script as a module. Importing it runs nothing."""
    loader = importlib.machinery.SourceFileLoader("mdevview_getfd", str(HELPER))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.fixture
def pidfds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes the pidfds, which the script itself leaves to the end of its process."""
    opened: list[int] = []
    real = os.pidfd_open

    def noted(pid: int) -> int:
        opened.append(real(pid))
        return opened[-1]

    monkeypatch.setattr(os, "pidfd_open", noted)
    yield
    for each in opened:
        os.close(each)
