"""Short runs of the fuzzers of drawing, polling, Xen guests; ``python -m tests.attacks.fuzz`` runs one longer."""

import time
from collections.abc import Callable

import pytest

from gl.context import Context
from tests.attacks.fuzz import planes, polls, xen, xen_nodes

Run = Callable[[int, float, int | None], list[str]]


@pytest.mark.parametrize(
    ("run", "limit"),
    [(planes.run, 200), (polls.run, 60), (xen.run, 10_000), (xen_nodes.run, 2000)],
    ids=("planes", "polls", "xen", "xen-nodes"),
)
def test_a_fuzzer_finds_nothing(
    importing_context: Context, capsys: pytest.CaptureFixture[str], run: Run, limit: int
) -> None:
    assert run(1, time.monotonic() + 60, limit) == []
    counts = capsys.readouterr().out
    assert "'ok'" in counts or " ok'" in counts or "'connections'" in counts, f"nothing was shown: {counts}"
