"""The screens of a real QEMU, without a guest: what the source shows is what QEMU writes of itself, in each pixel."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from app.input.event import Key
from tests.qemu.machine import QemuMachine
from tests.qemu.viewing import Viewed, picture_of, same, viewing
from tests.qemu.virtio_gpu import B8G8R8A8, VirtioGpu, colours, fill
from tests.unit.qmp_server import until


def scanout(viewed: Viewed) -> str | None:
    facts = viewed.session.display_facts()
    return facts.scanout if facts else None


@pytest.mark.parametrize(("device", "kind"), [("VGA", "map"), ("bochs-display", "value"), ("virtio-vga", "map")])
def test_text_of_the_bios_and_its_menu_after_esc(tmp_path: Path, device: str, kind: str) -> None:
    with QemuMachine(tmp_path, [device]) as machine, viewing(f"pid:{machine.pid}") as viewed:
        machine.wait_for_text()
        with machine.paused():
            text = machine.settled()
            assert np.ptp(text) > 0
            viewed.wait_for_picture(text)
        assert scanout(viewed) == kind
        monitor = viewed.session.input.open(lambda: None)
        try:
            monitor.send([Key("esc", True), Key("esc", False)])
            viewed.wait_for(lambda frame: not same(picture_of(frame), text), "the boot menu")
        finally:
            monitor.close()
        with machine.paused():
            viewed.wait_for_picture(machine.settled())


def test_modes_updates_and_the_pointer_of_virtio_gpu(tmp_path: Path) -> None:
    with (
        QemuMachine(tmp_path, ["virtio-gpu-pci,addr=2"], name="drawn", qtest=True) as machine,
        VirtioGpu(machine) as gpu,
        viewing(f"pid:{machine.pid}") as viewed,
    ):
        sizes = ((640, 480), (1021, 767), (1920, 1080), (64, 64))
        shown = [gpu.resource(*size) for size in sizes]
        for seed, resource in enumerate(shown):
            fill(resource, seed)
            gpu.show(resource)
            viewed.wait_for_picture(colours(resource))
            assert np.array_equal(machine.screendump(), colours(resource))
        gpu.show(shown[2])
        part = (5, 7, 33, 22)
        fill(shown[2], 9)
        gpu.transfer(shown[2], part)
        gpu.flush(shown[2], part)
        viewed.wait_for_picture(machine.screendump())
        assert scanout(viewed) == "map"

        pointer = gpu.resource(64, 64, B8G8R8A8)
        pointer.pixels[:] = np.random.default_rng(1).integers(0, 1 << 32, (64, 64), dtype=np.uint32)
        expected = pointer.pixels.copy().view(np.uint8).reshape(64, 64, 4)[..., [2, 1, 0, 3]]
        gpu.define_cursor(pointer, 100, 50, hot=(3, 4))
        viewed.wait_for_pointer(expected, 100, 50)
        gpu.move_cursor(1900, 1070, pointer)
        viewed.wait_for_pointer(expected, 1900, 1070)
        gpu.move_cursor(0, 0, None)
        viewed.wait_for(lambda frame: frame.cursor is None, "no pointer")
        viewed.wait_for_picture(machine.screendump())

        gpu.set_scanout(None)
        viewed.wait_for_picture(machine.settled())
        gpu.show(shown[0])
        viewed.wait_for_picture(colours(shown[0]))


def test_two_heads_and_another_device_are_three_screens(tmp_path: Path) -> None:
    devices = ["virtio-gpu-pci,addr=2,max_outputs=2", "virtio-gpu-pci,addr=3"]
    with QemuMachine(tmp_path, devices, qtest=True) as machine, VirtioGpu(machine) as one, ExitStack() as views:
        other = VirtioGpu(machine, 3, one.qtest)
        places = [(one, 0), (one, 1), (other, 0)]
        pictures = []
        for seed, (gpu, head) in enumerate(places):
            resource = gpu.resource(320 + 16 * seed, 200)
            fill(resource, seed)
            gpu.show(resource, head)
            pictures.append(colours(resource))
        viewed = [views.enter_context(viewing(f"pid:{machine.pid},console={number}")) for number in range(3)]
        for screen, picture in zip(viewed, pictures, strict=True):
            screen.wait_for_picture(picture)
        choices = viewed[1].session.consoles()
        assert [each.shown for each in choices] == [False, True, False]
        # They share a connection: closing one leaves the others alone.
        viewed[0].session.close()
        resource = other.resource(800, 600)
        fill(resource, 7)
        other.show(resource)
        viewed[2].wait_for_picture(colours(resource))
        viewed[1].wait_for_picture(pictures[1])
        assert machine.said() == ""


def test_two_vms_on_one_bus_are_told_apart(tmp_path: Path, bus: str) -> None:
    with ExitStack() as stack:
        machines = [
            stack.enter_context(
                QemuMachine(tmp_path / name, ["virtio-gpu-pci,addr=2"], f"dbus,addr={bus}", name=name, qtest=True)
            )
            for name in ("bus-one", "bus-two")
        ]
        pictures = []
        for seed, machine in enumerate(machines):
            gpu = stack.enter_context(VirtioGpu(machine))
            resource = gpu.resource(320, 200)
            fill(resource, seed)
            gpu.show(resource)
            pictures.append(colours(resource))
        viewed = [stack.enter_context(viewing(f"pid:{machine.pid}")) for machine in machines]
        for screen, picture in zip(viewed, pictures, strict=True):
            screen.wait_for_picture(picture)
        machines[0].quit()
        until(viewed[0].session.ended)
        viewed[1].wait_for_picture(pictures[1])
