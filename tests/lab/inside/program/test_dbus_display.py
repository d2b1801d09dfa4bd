"""A VM whose display renders with OpenGL and hands out dma-bufs: virtio-gpu, virtio-gpu-gl and a vGPU.

One VM has them all, because its start takes ten seconds here. vgem is the GPU that QEMU renders on; Mesa draws there
with the CPU, and exports its textures as udmabufs. QEMU writes a screendump of its own pixels alone: what is shown is
compared with what was drawn.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.host.gpu import AUTO
from app.open.opening import open_target
from app.open.target import parse_target
from app.planes.display_facts import DisplayProblem
from app.planes.plane_document import Document
from gl.context import Context
from gl.offscreen_context import open_context
from gl.renderer import Renderer
from gl.session_document import session_document
from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.machine import device_fds
from tests.lab.inside.pictures import colours as colours_of
from tests.lab.inside.program import command
from tests.lab.inside.rawvfio import Mbochs, fd_of, random_picture
from tests.qemu.drawing import Drawing
from tests.qemu.machine import Colours, QemuMachine
from tests.qemu.viewing import same
from tests.qemu.virtio_gpu import B8G8R8A8, VirtioGpu, colours, fill
from ui.cli.inspect_buffers import also_open, vm_of
from ui.offscreen import OffscreenView
from ui.png import png_bytes

# A format is first imported in a process of its own, which takes ten seconds and more here.
_PATIENCE_S = command.PATIENCE_S
# QEMU goes on without an acknowledgement after a second.
_UNACKNOWLEDGED_S = 1.0
_FLIPS = 4
# A picture that has not come by then is one whose buffer QEMU lost, if that was seen.
_LOST_S = 8.0


@pytest.fixture
def node() -> Iterator[str]:
    """The render node of vgem, which is unloaded afterwards: other tests expect that there is none."""
    subprocess.run(["modprobe", "vgem"], check=True)
    try:
        (render_node,) = Path("/dev/dri").glob("renderD*")
        yield str(render_node)
    finally:
        subprocess.run(["modprobe", "-r", "vgem"], check=True)


@dataclass(frozen=True)
class Screen:
    """A console that is drawn as the commands draw it."""

    view: OffscreenView

    def picture(self) -> Colours | None:
        source = self.view.session.source
        frame = source.latest()
        pixels = self.view.renderer.capture(frame)
        source.shown(frame, time.monotonic_ns())
        return None if pixels is None else pixels[..., :3]

    def shows(self, expected: Colours, seconds: float = _PATIENCE_S) -> bool:
        """Whether it comes to show this picture, in each pixel."""
        until = time.monotonic() + seconds
        while not same(self.picture(), expected):
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def told(self, expected: Colours | None = None) -> object:
        """What ``inspect`` says of it, what was seen on the connection, and how many pixels are not as expected."""
        seen = self.picture()
        wrong = -1
        if seen is not None and expected is not None and seen.shape == expected.shape:
            wrong = int((seen != expected).any(axis=2).sum())
        plane = self.document()["planes"]["primary"]
        return (
            wrong,
            plane and (plane["path"], plane["reason"], plane["buffer"]),
            self.view.session.display_facts(),
        )

    def document(self) -> Document:
        """What ``inspect`` writes."""
        session = self.view.session
        others = also_open(session, vm_of(session))
        return session_document(session, session.source.latest(), self.view.renderer, also_open=others)

    def imported(self, exporter: str) -> Document:
        """What ``inspect`` says of the buffer on the screen, a dma-buf of this exporter, which is not copied."""
        document = self.document()
        plane = document["planes"]["primary"]
        found: list[Document] = [each for each in document["buffers"] if each["on_screen"]]
        assert (plane["path"], [each["exporter"] for each in found]) == ("egl-image", [exporter]), document
        assert found[0]["inode"] == plane["buffer"]["inode"], document
        return found[0]

    def save(self, file: Path) -> None:
        pixels = self.view.renderer.capture(self.view.session.source.latest())
        assert pixels is not None
        file.write_bytes(png_bytes(pixels))

    def times_seen(self, problem: DisplayProblem) -> int:
        facts = self.view.session.display_facts()
        return sum(each.count for each in facts.problems if each.problem is problem) if facts else 0


@contextmanager
def screen(context: Context, target: str) -> Iterator[Screen]:
    """Open a target and draw it with this context, as :func:`ui.offscreen.offscreen_view` does with one of its own."""
    session = open_target(parse_target(target))
    try:
        renderer = Renderer(context)
        try:
            yield Screen(OffscreenView(session, renderer))
        finally:
            renderer.release()
    finally:
        session.close()


def test_screens_of_a_vm_that_renders_with_opengl(
    node: str, create: Create, tmp_path: Path, pictures: Path, fact: Fact
) -> None:
    uuid = create("mbochs_rw", "small")
    began = time.monotonic()
    devices = (
        "virtio-gpu-pci,addr=2,blob=on",
        "virtio-gpu-gl-pci,addr=3",
        f"vfio-pci,sysfsdev={mdev.BUS / uuid},display=on,rombar=0,addr=6",
    )

    def done(words: str) -> None:
        fact(f"D-Bus display with OpenGL: {words}, after", f"{time.monotonic() - began:.1f} s")

    with ExitStack() as stack:
        display = f"dbus,p2p=yes,gl=on,rendernode={node}"
        machine = stack.enter_context(QemuMachine(tmp_path, devices, display, qtest=True))
        done("QEMU started")
        vm = f"pid:{machine.pid}"
        blob_gpu = stack.enter_context(VirtioGpu(machine))
        virgl = stack.enter_context(VirtioGpu(machine, 3, blob_gpu.qtest))
        context = stack.enter_context(open_context(AUTO, None))

        # QEMU passes the vGPU's own dma-buf on.
        (device_fd,) = device_fds(machine.pid)
        with screen(context, f"{vm},console=2") as shown, Mbochs(fd_of(machine.pid, device_fd)) as device:
            device.set_mode(640, 480)
            for seed in range(2):
                picture = random_picture(640, 480, seed)
                device.draw(picture)
                assert shown.shows(colours_of(picture)), shown.told(colours_of(picture))
            fact("D-Bus display with OpenGL: the vGPU", shown.told())
            shown.save(pictures / "dbus-vgpu.png")
            buffer = shown.imported("mbochs_rw")
            fact("D-Bus display with OpenGL: the vGPU's buffer", buffer)
            # QEMU has the buffer open that it passed on, and the vGPU itself gives the same one to who asks it.
            assert [each["pid"] for each in buffer["also_open"]] == [machine.pid], buffer
            with screen(context, vm) as direct:
                assert direct.shows(colours_of(picture)), direct.told(colours_of(picture))
                assert direct.imported("mbochs_rw")["inode"] == buffer["inode"]
        done("the vGPU was drawn")

        # The renderer's textures have their first row at the bottom.
        with screen(context, f"{vm},console=1") as shown:
            resources = [virgl.resource(*size) for size in ((640, 480), (320, 200))]
            for number, resource in enumerate((*resources, resources[0])):
                fill(resource, number)
                virgl.show(resource)
                assert shown.shows(colours(resource)), shown.told(colours(resource))
            done("virtio-gpu-gl was drawn")
            fact("D-Bus display with OpenGL: virtio-gpu-gl", shown.told())
            fact("D-Bus display with OpenGL: virtio-gpu-gl's buffer", shown.imported("udmabuf"))
            pointer = virgl.resource(64, 64, B8G8R8A8)
            pointer.pixels[:] = 0xFF00FF00
            pointer.pixels[:8, :32] = 0xFFFF0000
            virgl.define_cursor(pointer, 50, 40)
            pointed = colours(resources[0])
            pointed[40:104, 50:114] = colours(pointer)
            assert shown.shows(pointed), shown.told(pointed)
            shown.save(pictures / "dbus-virtio-gpu-gl.png")
            virgl.move_cursor(0, 0, None)
            # The source acknowledges in time although nobody looks at it. The whole guest may stand still once.
            longest_s: list[float] = []
            while not longest_s or (longest_s[-1] >= _UNACKNOWLEDGED_S and len(longest_s) < 3):
                with Drawing(lambda _: virgl.flush(resources[0])) as drawing:
                    time.sleep(1.5)
                longest_s.append(drawing.worst_s)
            fact("D-Bus display with OpenGL: longest flush while nobody looks, s", longest_s)
            assert longest_s[-1] < _UNACKNOWLEDGED_S

        with screen(context, f"{vm},console=0") as shown:
            # Without a blob the pixels are QEMU's, which are made a texture.
            resource = blob_gpu.resource(400, 300)
            fill(resource, 20)
            blob_gpu.show(resource)
            assert shown.shows(colours(resource)), shown.told(colours(resource))
            assert same(machine.screendump(0), colours(resource))
            shown.imported("udmabuf")
            fact("D-Bus display with OpenGL: virtio-gpu without blobs", shown.told())
            shown.save(pictures / "dbus-virtio-gpu-2d.png")
            # QEMU loses the buffer of some of these flips (ui/dbus-listener.c); then the picture before stays.
            blobs = [blob_gpu.blob(320, 200) for _ in range(2)]
            for number, resource in enumerate(blobs):
                fill(resource, 10 + number)
            blob_gpu.show(blobs[0])
            assert shown.shows(colours(blobs[0])), shown.told(colours(blobs[0]))
            fill(blobs[0], 12)
            blob_gpu.flush(blobs[0])
            assert shown.shows(colours(blobs[0])), shown.told(colours(blobs[0]))
            shown.imported("udmabuf")
            shown.save(pictures / "dbus-virtio-gpu-blob.png")
            lost = 0
            for number in range(1, _FLIPS + 1):
                resource = blobs[number % 2]
                blob_gpu.show(resource)
                if not shown.shows(colours(resource), _LOST_S):
                    lost += 1
                    assert shown.times_seen(DisplayProblem.BUFFER_LOST), shown.told()
                    assert any(same(shown.picture(), colours(each)) for each in blobs), shown.told()
            fact("D-Bus display with OpenGL: virtio-gpu with blobs", shown.told())
            fact("D-Bus display with OpenGL: flips whose buffer QEMU lost for good", f"{lost} of {_FLIPS}")
        done("virtio-gpu with blobs was drawn")
