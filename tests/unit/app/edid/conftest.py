"""The program edid-decode."""

import pytest

from tests.gate import need_programs


@pytest.fixture
def edid_decode() -> None:
    """For tests that run it."""
    need_programs("edid-decode")
