"""A kernel without mbochs as shipped, for what looks the same as mbochs to a process that was handed a fd."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.inside.conftest import REPORT


@pytest.fixture
def no_mbochs() -> Iterator[None]:
    subprocess.run(["rmmod", "mbochs"], check=True)
    yield
    subprocess.run(["insmod", REPORT / "modules/mbochs.ko"], check=True)
