"""A tile says which VM it is, what state it is in and how fast it is, in the words of a window."""

import os
from dataclasses import replace

import pytest

from app.host.dbus_display import DbusDisplay
from app.host.vgpu import Holder, Vgpu
from app.host.vm import Vm
from app.planes.status import Reason, State, Status
from tests.unit.known_hosts.proxmox import mdev_uuid
from ui.window.overview.overview_text import (
    FREE,
    OF_ANOTHER_USER,
    TAKES_INPUT,
    Words,
    caption_of,
    details_of,
    title_of,
    words_of_status,
    words_of_use,
    words_until_click,
)
from ui.window.picture.picture_text import status_heading

UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
WIN10 = Holder(4711, "qemu-system-x86", 20, "win10", None)
NAMELESS = Holder(4712, "cloud-hypervisor", 20, None, None)


def test_a_tile_is_called_by_its_vm_else_by_the_start_of_its_uuid() -> None:
    assert title_of(Vgpu(UUID, uuid=UUID, holders=(WIN10,)), None, UUID) == "win10"
    numbered = replace(WIN10, vm_id="105")
    assert title_of(Vgpu(UUID, uuid=UUID, holders=(numbered,)), None, UUID) == "105, win10"
    assert title_of(Vgpu(UUID, uuid=UUID, holders=(NAMELESS,)), None, UUID) == "83b8f4f2"
    assert title_of(Vgpu(mdev_uuid(109), mdev_uuid(109)), None, UUID) == "00000109"
    assert title_of(Vgpu("0000:00:02.1"), None, UUID) == "0000:00:02.1"
    assert title_of(None, None, "vm:win10") == "vm:win10"
    assert title_of(Vgpu("sim:gvt", simulated=True), None, "sim:gvt") == "sim:gvt"


def test_caption_has_the_vgpu_the_state_and_the_rate() -> None:
    vgpu = Vgpu(UUID, uuid=UUID, holders=(WIN10,))
    assert caption_of(vgpu, "win10", "Showing", 60) == "83b8f4f2 · Showing · 60 fps"
    assert caption_of(vgpu, "83b8f4f2", "Free", 0) == "Free"
    assert caption_of(Vgpu("sim:gvt", simulated=True), "sim:gvt", "Showing", 0) == "simulated · Showing"


def test_free_is_said_only_where_it_is_certain() -> None:
    assert words_of_use(Vgpu(UUID)) is FREE
    assert "cannot be seen" in words_of_use(Vgpu(UUID, unseen=True)).hint


@pytest.mark.parametrize("reason", [each for each in Reason if each.state is not State.SHOWING])
def test_each_reason_has_the_heading_of_a_window_and_at_most_one_sentence(reason: Reason) -> None:
    words = words_of_status(Status(reason, "why: because. And so on."))
    assert words.heading == status_heading(Status(reason))
    assert ". " not in words.hint
    assert words.hint, "a reason without a meaning has its detail"


@pytest.mark.parametrize(
    ("p2p", "uid", "words"),
    [
        (False, os.getuid(), None),
        (True, os.getuid(), TAKES_INPUT),
        (False, os.getuid() + 4000, OF_ANOTHER_USER),
        (True, os.getuid() + 4000, OF_ANOTHER_USER),
        (False, None, OF_ANOTHER_USER),
    ],
)
def test_what_takes_input_from_others_or_is_another_users_waits_for_a_click(
    p2p: bool, uid: int | None, words: Words | None
) -> None:
    """Any user may start a process that looks like a VM, and so choose an address to connect to."""
    display = DbusDisplay(Vm(50, "qemu", "web", (), uid=uid), p2p, "unix:path=/tmp/bus")
    assert words_until_click(display) == words


def test_details_are_of_one_line_each_whatever_a_vm_calls_itself() -> None:
    vgpu = Vgpu(UUID, uuid=UUID, holders=(Holder(4711, "qemu", 20, "a\nb\u202ec", None),), type_name="GVTg_V5_4")
    lines = details_of(vgpu, Status(Reason.PLANE_OFF), None, None).split("\n")
    assert lines[:2] == [UUID, "GVTg_V5_4"]
    assert len(lines) == 4 and "\u202e" not in lines[2]
    assert lines[3] == Reason.PLANE_OFF.meaning
