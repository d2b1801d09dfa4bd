"""A host for tests of findings."""

from pathlib import Path

import pytest

from tests.unit.hosts import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)
