"""The buffers of one console, and who may release them.

A consumer may use a buffer that it got until it asks for the next frame. So a buffer that was in a frame is released on
the consumer's thread, and one that no frame had is released at once.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from app.planes.buffer import DmaBuffer, MemoryBuffer
from app.planes.buffer_facts import BufferFacts
from app.planes.change_log import ChangeLog
from app.planes.file_buffer import FileBuffer
from app.planes.frame import Surface
from app.planes.plane import Plane

# QEMU sends the same dma-buf again when the guest flips between a few buffers.
_MOST_SPARE = 4

OwnedBuffer = DmaBuffer | MemoryBuffer | FileBuffer
Identity = tuple[int, int]
"""Device and inode of a dma-buf. While its fd is open, no other buffer has the same ones."""


@dataclass(slots=True, eq=False)
class Held:
    """A buffer and the surface that is made of it. ``taken``: a frame had it.

    ``again`` makes another buffer of the same memory, and may raise OSError. ``whole_damage``: damage of this buffer is
    not told in coordinates of the picture, so each change is one of the whole.
    """

    buffer: OwnedBuffer
    plane: Plane
    again: "Callable[[], Held]"
    identity: Identity | None = None
    surface: Surface | None = None
    taken: bool = False
    whole_damage: bool = False
    times_shown: int = 0
    arrivals: int = 1

    def place(self, plane: Plane) -> Surface:
        """The surface of this plane; the same object while the plane is equal."""
        if self.surface is None or self.surface.plane != plane:
            self.surface = Surface(plane, self.buffer)
        self.plane = plane
        return self.surface

    def renewed(self) -> "Held":
        """The same with another buffer of the same memory. Raises OSError."""
        made = self.again()
        made.plane, made.whole_damage = self.plane, self.whole_damage
        made.times_shown, made.arrivals = self.times_shown, self.arrivals
        return made

    def facts(self, *, on_screen: bool) -> BufferFacts:
        buffer = self.buffer
        return BufferFacts(
            serial=buffer.serial,
            plane=self.plane,
            size=buffer.size,
            fd=buffer.dmabuf_fd,
            inode=buffer.inode,
            exporter=buffer.exporter,
            name=buffer.info.name if isinstance(buffer, DmaBuffer) else None,
            times_shown=self.times_shown,
            fetches=1,
            hits=self.arrivals - 1,
            on_screen=on_screen,
        )


def held_memory(memory: bytes | bytearray, plane: Plane) -> Held:
    """Hold memory of our own."""
    buffer = MemoryBuffer(memory, may_vanish=False, changes=ChangeLog())
    return Held(buffer, plane, lambda: held_memory(memory, plane))


def held_file(fd: int, offset: int, size: int, plane: Plane) -> Held:
    """Hold a part of a file of shared memory. Takes the fd over. Raises OSError."""
    buffer = FileBuffer(fd, offset, size, ChangeLog())
    return Held(buffer, plane, lambda: held_file(os.dup(buffer.fileno()), offset, size, plane))


def held_dmabuf(fd: int, plane: Plane) -> Held:
    """Hold a dma-buf. Takes the fd over. Raises OSError, and OSError(EINVAL) for a file that is none."""
    buffer = DmaBuffer(fd, changes=ChangeLog())
    identity = (buffer.info.device, buffer.info.inode)
    return Held(buffer, plane, lambda: held_dmabuf(os.dup(fd), plane), identity)


class HeldBuffers:
    """Owns the dma-bufs that may come again, and the buffers that wait for their release. Not thread-safe."""

    def __init__(self) -> None:
        self._dmabufs: OrderedDict[Identity, Held] = OrderedDict()
        self._retired: list[OwnedBuffer] = []

    def known(self, fresh: Held) -> Held:
        """The same dma-buf as it came before, with the new one released; else the new one, which is kept."""
        assert fresh.identity is not None
        found = self._dmabufs.get(fresh.identity)
        if found is None:
            self._dmabufs[fresh.identity] = fresh
            return fresh
        fresh.buffer.release()
        found.arrivals += 1
        self._dmabufs.move_to_end(fresh.identity)
        changes = found.buffer.changes
        assert changes is not None
        changes.note_all()
        return found

    def keep(self, held: Held) -> None:
        """Keep a dma-buf, because it may come again."""
        if held.identity is not None:
            self._dmabufs[held.identity] = held

    def trim(self, shown: Held | None) -> None:
        """Retire the oldest dma-bufs beside the one on the screen."""
        spare = [each for each in self._dmabufs.values() if each is not shown]
        for each in spare[: max(0, len(spare) - _MOST_SPARE)]:
            self.retire(each)

    def retire(self, held: Held) -> None:
        """No later frame has this buffer."""
        if held.identity is not None:
            self._dmabufs.pop(held.identity, None)
        if held.taken:
            self._retired.append(held.buffer)
        else:
            held.buffer.release()

    def retire_all(self) -> None:
        """Retire every dma-buf that is kept."""
        for each in tuple(self._dmabufs.values()):
            self.retire(each)

    def retired(self) -> list[OwnedBuffer]:
        """The buffers that the consumer must release now."""
        retired, self._retired = self._retired, []
        return retired

    def kept(self) -> tuple[Held, ...]:
        """The dma-bufs that are kept, the newest last."""
        return tuple(self._dmabufs.values())
