"""A short run of the fuzzers of drawing and polling; ``python -m tests.attacks.fuzz`` runs one for longer."""

import time
from collections.abc import Callable

import pytest

from gl.context import Context
from tests.attacks.fuzz import planes, polls

Run = Callable[[int, float, int | None], list[str]]


@pytest.mark.parametrize("run", [planes.run, polls.run], ids=("planes", "polls"))
X    counts = capsys.readouterr().out
    assert "'ok'" in counts or " ok'" in counts, f"nothing was shown: {counts}"
