"""A short soak test; ``python -m tests.soak`` runs a long one."""

import pytest

from tests.soak.__main__ import soak


@pytest.mark.usefixtures("own_context")
@pytest.mark.parametrize("seed", [3, 14])
def test_nothing_grows_with_polls_and_faults(seed: int) -> None:
    tally = soak(60_000, seed, quiet=True)
    assert tally.polls >= 60_000
    assert len(tally.states) >= 6, tally.states
