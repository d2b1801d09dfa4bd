"""Fixtures of the device tests: new mdevs, and a check of the kernel after each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.lab.inside import mdev, watch
from tests.lab.inside.machine import Machine
from tests.lab.noted import REPORT, note

Create = Callable[[str, str], str]
Fact = Callable[[str, object], None]


class StartVm(Protocol):
    """Starts QEMU with one or more mdevs: see :class:`Machine`. Without a menu the BIOS boots the guest at once."""

    def __call__(
        self,
        *uuids: str,
        name: str | None = None,
        menu: bool = True,
        extra: tuple[str, ...] = (),
        display: str = "none",
        env: dict[str, str] | None = None,
    ) -> Machine: ...


@pytest.fixture
def fact() -> Fact:
    """Puts a value measured on the real drivers into the report."""
    return lambda name, value: note(fact=name, value=str(value))


@pytest.fixture
def pictures() -> Path:
    """The folder whose files the host keeps."""
    return REPORT


@pytest.fixture(autouse=True)
def clean_kernel() -> Iterator[None]:
    """After every test: no error in the kernel's log, no new taint flag, no dma-buf left."""
    log = watch.KernelLog()
    before = watch.bad_taint()
    yield
    left = watch.dmabufs_after(3)
    complaints = watch.complaints(log.read())
    log.close()
    assert not complaints
    assert watch.bad_taint() == before
    assert left == 0, watch.BUFINFO.read_text()


@pytest.fixture
def create(clean_kernel: None) -> Iterator[Create]:
    """Creates mdevs, and removes them after the test, before the kernel is checked."""
    made: list[str] = []

    def make(parent: str, kind: str) -> str:
        made.append(mdev.create(parent, kind))
        return made[-1]

    yield make
    held = []
    for name in made:
        if (mdev.BUS / name).exists() and not mdev.Removal(name).done_within(10):
            held.append(name)
    assert not held, "someone still has these open"


@pytest.fixture
def start_vm(create: Create, tmp_path: Path) -> Iterator[StartVm]:
    """Starts VMs, and kills and reaps them after the test, before their mdevs are removed."""
    machines: list[Machine] = []

    def start(*uuids: str, **how: Any) -> Machine:
        machines.append(Machine(tmp_path / f"vm{len(machines)}", *uuids, **how))
        return machines[-1]

    yield start
    for machine in machines:
        machine.kill()


@pytest.fixture(scope="module")
def shared_vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One VM named "lab" for all tests of a module, with text in its picture. Tests must leave it running."""
    uuid = mdev.create("mbochs_rw", "small")
    machine = Machine(tmp_path_factory.mktemp("lab"), uuid, name="lab")
    try:
        machine.wait_for_text()
        yield machine
    finally:
        machine.kill()
        assert mdev.Removal(uuid).done_within(10), "someone still has it open"
