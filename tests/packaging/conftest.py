"""The helper as a module, for what it does without the rights of root."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.packaging.getfd import load_helper


@pytest.fixture(scope="module")
def helper() -> Any:
    return load_helper()


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
