"""What a user who chooses a vGPU is told of it."""

import os
from pathlib import Path

import pytest

from app.diagnosis.host.vgpu_choice import Choice, vgpu_choice
from app.host.ptrace import PtracePermission
from app.host.vgpu import Holder, Vgpu
from tests.unit.hosts import Host

ALLOWED = PtracePermission(1000, True, 1)
REFUSED = PtracePermission(1000, False, 1)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def choice(vgpu: Vgpu, host: Host, permission: PtracePermission = ALLOWED, *, helper: bool = False) -> Choice:
    return vgpu_choice(vgpu, permission, helper, host.paths)


def in_use(name: str | None, number: str | None = None) -> Vgpu:
    return Vgpu("a", type_id="mbochs-small", holders=(Holder(4711, "kvm", 5, name, None, None, number),))


def test_a_vm_has_its_name_first(host: Host) -> None:
    assert choice(in_use("win10"), host).vm == "win10"
    assert choice(in_use("win10", "105"), host).vm == "win10 (105)"
    assert choice(in_use(None, "105"), host).vm == "105"
    assert choice(in_use(None), host).vm == "kvm 4711"
    claimed = Vgpu("a", type_id="mbochs-small", unseen=True, claims=in_use("win10").holders)
    assert choice(claimed, host).vm == "perhaps win10"
    assert choice(Vgpu("a"), host).vm == ""


def test_a_vm_that_nobody_lets_this_user_see_says_so(host: Host) -> None:
    vgpu = in_use("win10")
    assert choice(vgpu, host).why_not == ""
    assert "root's helper is not installed" in choice(vgpu, host, REFUSED).why_not
    assert choice(vgpu, host, REFUSED, helper=True).why_not == ""
    assert "ptrace_scope is 3" in choice(vgpu, host, PtracePermission(0, True, 3)).why_not


def test_a_free_vgpu_says_what_keeps_this_user_from_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    vgpu = Vgpu("a", type_id="mbochs-small", iommu_group=12)
    assert "no device node" in choice(vgpu, host).why_not
    node = host.paths.dev / "vfio/12"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    assert choice(vgpu, host) == Choice("", "free", "free", "")
    assert "running VM" in choice(Vgpu("a", type_id="i915-GVTg_V5_4", iommu_group=12), host).why_not
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert str(node) in choice(vgpu, host).why_not
    assert "no display" in choice(Vgpu("a", type_id="mtty-1", iommu_group=12), host).why_not
