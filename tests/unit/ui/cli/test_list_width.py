"""`mdevview list` on a terminal that is narrower than the table."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens
from app.host.vgpu import Holder, Vgpu, Way
from app.host.vm import Vm
from app.host.wording import of_user
from tests.unit.hosts import UUID_A, qemu
from ui.cli import list as command
from ui.cli.list import fitting, table
from ui.cli.main import main

VM = Holder(4711, "qemu-system-x86", 21, "win10", Way.GROUP)
VGPUS = (
    Vgpu(UUID_A, UUID_A, "i915-GVTg_V5_4", "GVTg_V5_4", "0000:00:02.0", "intel_vgpu_mdev", None, 11, "vfio4", (VM,)),
    Vgpu("0000:01:00.0", driver="vfio-pci", iommu_group=14),
)


def test_80_columns_show_all_of_a_vgpu_in_a_few_lines() -> None:
    assert fitting(HostScreens(VGPUS), 80).splitlines() == [
        UUID_A,
        "    in use by qemu-system-x86 4711 (VM win10) by group",
        "    i915-GVTg_V5_4 (GVTg_V5_4) on 0000:00:02.0, driver intel_vgpu_mdev,",
        "    group 11, vfio4, display: dma-buf",
        "0000:01:00.0",
        "    free",
        "    driver vfio-pci, group 14, display: none",
    ]


def test_80_columns_show_a_dbus_display_in_its_table_or_in_a_few_lines() -> None:
    display = DbusDisplay(Vm(4711, "qemu-system-x86", "win10", (*qemu("win10"),), uid=0), p2p=True, gl=True)
    short = HostScreens((), (display,))
    assert fitting(short, 80) == table(short)
    vm = replace(display.vm, name="w" * 40, arguments=(*qemu("w" * 40),))
    long = HostScreens(VGPUS, (replace(display, vm=vm),))
    lines = fitting(long, 80).split("\n\n")[1].splitlines()
    assert lines[0] == f"vm:{vm.name},console=0"
    assert lines[1:] == [
        f"    qemu-system-x86 4711{of_user(0)} (VM {vm.name})",
        "    D-Bus display: peer to peer, OpenGL",
    ]


def test_wide_terminal_shows_the_table() -> None:
    assert fitting(HostScreens(VGPUS), 300) == table(HostScreens(VGPUS))


@given(st.integers(1, 200))
def test_no_line_is_too_long_and_no_word_is_lost_or_cut(width: int) -> None:
    text = fitting(HostScreens(VGPUS), width)
    # The longest fact stays whole: a terminal that is narrower breaks it.
    assert max(map(len, text.splitlines())) <= max(width, 50)
    told = {*re.findall(r"[\w:.-]+", text.replace("display:", ""))}
    header = {*" ".join(command._VGPU_HEADER).split(), "-"}
    assert {*re.findall(r"[\w:.-]+", table(HostScreens(VGPUS)))} - header <= told


@pytest.mark.parametrize(("terminal", "lines"), [(True, 7), (False, 3)])
def test_pipe_gets_the_table(
    terminal: bool, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_screens", lambda _scan: HostScreens(VGPUS))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == lines
