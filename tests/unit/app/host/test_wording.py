"""How messages name a process."""

import pytest

from app.host.vgpu import Holder, Way
from app.host.wording import holders_text, process_text


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
