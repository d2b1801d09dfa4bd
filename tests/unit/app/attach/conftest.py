"""What tests of the helper share."""

from pathlib import Path

import pytest

from tests.unit.app.attach.installed_helper import Make, maker


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A host on which pkexec and sudo allow everything, and the helper is the script given."""
    return maker(tmp_path)
