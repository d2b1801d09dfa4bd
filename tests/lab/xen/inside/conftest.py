"""Fixtures of the tests in dom0: the guests."""

from collections.abc import Callable, Iterator

import pytest

from tests.lab.noted import REPORT, note
from tests.lab.xen.inside import toolstack
from tests.lab.xen.inside.guest import Guest

Fact = Callable[[str, object], None]


@pytest.fixture(scope="session")
def fact() -> Fact:
    """Puts a measured value into the report."""
    return lambda name, value: note(fact=name, value=str(value))


@pytest.fixture(scope="session", autouse=True)
def created() -> None:
    """Dom0.sh creates its guests first: it knows them by their numbers."""
    toolstack.wait_until((REPORT / "created-pvh").is_file, "both guests are created")


@pytest.fixture(scope="session")
def pv() -> Iterator[Guest]:
    """A PV guest, which dom0.sh created. Tests must leave it running."""
    guest = Guest("pv")
    guest.wait_ready()
    yield guest
    guest.close()


@pytest.fixture(scope="session")
def pvh() -> Iterator[Guest]:
    """A PVH guest with be-alloc=1, which dom0.sh created after the PV guest."""
    guest = Guest("pvh")
    guest.wait_ready()
    yield guest
    guest.close()
