"""How messages name a process."""

import os
from pathlib import Path

import pytest

from app.host.vgpu import Holder, Way
from app.host.wording import claims_text, describe_process, holders_text, process_text, unseen_text
from tests.unit.hosts import Host


@pytest.mark.parametrize(
    ("name", "text"), [("win10", "qemu-system-x86 4711 (VM win10)"), (None, "qemu-system-x86 4711"), ("", "qemu 7")]
)
def test_a_process_and_its_vm(name: str | None, text: str) -> None:
    process, pid = text.split()[:2]
    assert process_text(process, int(pid), name) == text


def test_all_holders_of_a_vgpu() -> None:
    holders = [Holder(50, "qemu-system-x86", 20, "win10", Way.CDEV), Holder(51, "mdevview", None, None, None)]
    assert holders_text(holders) == "qemu-system-x86 50 (VM win10) and mdevview 51"
    assert holders_text([]) == ""


def test_process_of_another_user_is_named_with_him() -> None:
    other = os.getuid() + 4000
    assert process_text("qemu", 7, "win10", other) == f"qemu 7 of {other} (VM win10)"
    assert process_text("qemu", 7, "win10", os.getuid()) == "qemu 7 (VM win10)"


def test_claims_are_worded_as_claims_and_few_are_named() -> None:
    claims = [Holder(50 + each, "qemu", None, None, None) for each in range(5)]
    assert unseen_text([]) == "a process that cannot be seen"
    assert unseen_text(claims[:1]) == "a process that cannot be seen; perhaps qemu 50 (by its arguments)"
    assert claims_text(claims) == "qemu 50 or qemu 51 or qemu 52 or 2 more (by their arguments)"


def test_process_of_which_only_the_pid_is_known(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.process(50, "qemu-system-x86", ["qemu"], uid=os.getuid() + 4000)
    assert describe_process(50, host.paths) == f"qemu-system-x86 50 of {os.getuid() + 4000}"
    assert describe_process(51, host.paths) == "process 51"
