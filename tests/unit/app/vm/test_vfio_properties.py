"""QEMU's own help tells which properties it knows; nothing but a QEMU is run for that."""

from pathlib import Path

import pytest

from app.vm.vfio_properties import vfio_properties
from tests.unit.fake_qemu import FakeQemu


def test_properties_are_those_of_this_qemu(tmp_path: Path) -> None:
    fake = FakeQemu(tmp_path, properties=("x-igd-opregion", "display"))
    assert vfio_properties(str(fake.program)) == {"x-igd-opregion", "display"}


@pytest.mark.parametrize("name", ["start-vm.sh", "env", "nice"])
def test_other_programs_are_not_run(tmp_path: Path, name: str) -> None:
    """They would do something else with these arguments."""
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho '  display=<str>'\n")
    program.chmod(0o755)
    assert vfio_properties(str(program)) == frozenset()
    assert not (tmp_path / "ran").exists()


def test_program_that_cannot_be_run_has_none(tmp_path: Path) -> None:
    assert vfio_properties(str(tmp_path / "qemu-system-x86_64")) == frozenset()
