"""A guest's PV display as Linux's drm_xen_front drives it (drivers/gpu/drm/xen)."""

import itertools
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.formats.fourcc import pixel_format
from tests.xen.domain import Domain, SharedMemory
from tests.xen.front import Front
from tests.xen.grants import FakeMapping
from tests.xen.nodes import (
    CLOSED,
    CONNECTED,
    INIT_WAIT,
    INITIALISED,
    INITIALISING,
    RECONFIGURING,
)
from tests.xen.pages import PAGE, pages_of
from tests.xen.request_front import (
    ANSWER_S,
    DBUF_CREATE,
    DBUF_DESTROY,
    FB_ATTACH,
    FB_DETACH,
    GET_EDID,
    PG_FLIP,
    SET_CONFIG,
    EventFront,
    RequestFront,
    Response,
)

BE_ALLOC = 1
REFS_PER_DIRECTORY = PAGE // 4 - 1
XR24 = 0x34325258


class RefusedRequest(OSError):
    """The backend answered with an error."""


@dataclass(eq=False)
class DumbBuffer:
    """A buffer that the guest draws into. ``directory`` are the pages that list its references."""

    cookie: int
    width: int
    height: int
    size: int
    memory: SharedMemory | None
    directory: SharedMemory
    mapping: FakeMapping | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    """It is not freed while it is drawn into."""

    @property
    def data(self) -> memoryview:
        """Its bytes, writable."""
        if self.mapping is not None:
            return self.mapping.memory
        assert self.memory is not None
        return memoryview(self.memory.data)

    def draw(self, pixels: bytes) -> None:
        with self.lock, self.data[: len(pixels)] as view:
            view[:] = pixels


@dataclass(eq=False)
class Connector:
    """``flips`` counts those that were asked for on this connection."""

    requests: RequestFront
    events: EventFront
    flips: int = field(default=0)


class DisplayFront(Front):
    """One vdispl device. Requests raise :class:`RefusedRequest`, TimeoutError, ConnectionError."""

    def __init__(self, domain: Domain, device: int) -> None:
        super().__init__(domain, "vdispl", "vdispl", device)
        self.be_alloc = self.tree.get(f"{self.path}/be-alloc", "0") == "1"
        self.connectors: list[Connector] = []
        self.buffers: list[DumbBuffer] = []
        self.connections = 0
        """So often a backend was connected."""
        self._cookies = itertools.count(0xFFFF888000000000, 0x1000)
        self.begin()

    def backend_changed(self, state: int) -> None:
        """displback_changed() in xen_drm_front.c."""
        if state == INITIALISING:
            self._disconnect()
        elif state == INIT_WAIT:
            self._disconnect()
            if self.state == INITIALISING:
                self._publish()
                self.switch(INITIALISED)
        elif state == CONNECTED:
            if self.state == INITIALISED:
                self.connections += 1
                self.switch(CONNECTED)
        elif state in (0, CLOSED) and self.state != CLOSED:
            self._disconnect()

    def _publish(self) -> None:
        self._free_channels()
        numbers = sorted(int(each) for each in self.tree.children(self.path) if each.isdecimal())
        self.connectors = [Connector(RequestFront(self.domain), EventFront(self.domain)) for _ in numbers]
        nodes = []
        for number, each in zip(numbers, self.connectors, strict=True):
            for kind, channel in (("req", each.requests.channel), ("evt", each.events.channel)):
                nodes += [
                    (f"{self.path}/{number}/{kind}-ring-ref", str(channel.ref)),
                    (f"{self.path}/{number}/{kind}-event-channel", str(channel.port)),
                ]
        self.tree.write_all(nodes)

    def _disconnect(self) -> None:
        """displback_disconnect(): nothing if no card was made."""
        if self.state != CONNECTED:
            return
        self.switch(RECONFIGURING)
        self._free_channels()
        self.free_buffers()
        self.switch(INITIALISING)

    def _free_channels(self) -> None:
        for each in self.connectors:
            each.requests.channel.close()
            each.events.channel.close()

    def free_buffers(self) -> None:
        """As the programs of the guest close the card."""
        buffers, self.buffers = self.buffers, []
        for each in buffers:
            self._free(each)

    def _free(self, buffer: DumbBuffer) -> None:
        with buffer.lock:
            self.domain.free(buffer.directory)
            if buffer.memory is not None:
                self.domain.free(buffer.memory)
            if buffer.mapping is not None:
                buffer.mapping.release()

    def close(self) -> None:
        """The driver is removed from the device (``rmmod``): displback's remove sets Closing and then Closed."""
        self.switch(5)
        self._free_channels()
        self.free_buffers()
        self.switch(CLOSED)

    def die(self) -> None:
        super().die()
        for each in self.connectors:
            with each.requests.channel.changed:
                each.requests.channel.changed.notify_all()

    def wait_connected(self) -> None:
        self.wait_state(CONNECTED)

    def ask(self, operation: int, body: bytes, connector: int = 0, timeout_s: float = ANSWER_S) -> Response:
        """One request and its response. Raises RefusedRequest with the errno that the backend answered."""
        response = self.connectors[connector].requests.ask(operation, body, timeout_s)
        if response.status:
            raise RefusedRequest(-response.status, f"operation {operation:#x}")
        return response

    def create(
        self, width: int, height: int, bpp: int = 32, *, size: int | None = None, imported: bool = False
    ) -> DumbBuffer:
        """DBUF_CREATE. An ``imported`` buffer came from another driver: Linux tells only its size."""
        size = width * height * bpp // 8 if size is None else size
        memory = None if self.be_alloc else self.domain.share(size)
        directory = self.domain.share(PAGE * -(-pages_of(size) // REFS_PER_DIRECTORY))
        buffer = DumbBuffer(next(self._cookies), width, height, size, memory, directory)
        fill_directory(directory, () if memory is None else memory.refs)
        shape = (0, 0, 0) if imported else (width, height, bpp)
        flags = BE_ALLOC if self.be_alloc else 0
        try:
            self.ask(DBUF_CREATE, create_body(buffer.cookie, shape, size, flags, directory.refs[0]))
            if self.be_alloc:
                buffer.mapping = self.domain.map(read_directory(directory, pages_of(size)))
        except OSError:
            self._free(buffer)
            raise
        self.buffers.append(buffer)
        return buffer

    def destroy(self, buffer: DumbBuffer) -> None:
        """DBUF_DESTROY. The driver unmaps a buffer of the backend before, and frees pages of its own after."""
        if buffer.mapping is not None:
            buffer.mapping.release()
        self.ask(DBUF_DESTROY, struct.pack("<Q", buffer.cookie))
        self.buffers.remove(buffer)
        self._free(buffer)

    def attach(self, buffer: DumbBuffer, fourcc: int = XR24, size: tuple[int, int] | None = None) -> int:
        """FB_ATTACH. Returns the framebuffer's cookie."""
        width, height = size or (buffer.width, buffer.height)
        fb = next(self._cookies)
        self.ask(FB_ATTACH, struct.pack("<QQIII", buffer.cookie, fb, width, height, fourcc))
        return fb

    def detach(self, fb: int) -> None:
        self.ask(FB_DETACH, struct.pack("<Q", fb))

    def configure(self, fb: int, width: int, height: int, bpp: int = 32, connector: int = 0) -> None:
        """SET_CONFIG: show this framebuffer."""
        self.ask(SET_CONFIG, struct.pack("<QIIIII", fb, 0, 0, width, height, bpp), connector)

    def off(self, connector: int = 0) -> None:
        """SET_CONFIG with nothing: the connector has no picture."""
        self.ask(SET_CONFIG, bytes(28), connector)

    def flip(self, fb: int, connector: int = 0) -> int:
        """PG_FLIP. Returns the number of the flip for :meth:`wait_done`."""
        self.connectors[connector].flips += 1
        number = self.connectors[connector].flips
        self.ask(PG_FLIP, struct.pack("<Q", fb), connector)
        return number

    def wait_done(self, number: int, connector: int = 0, timeout_s: float = ANSWER_S) -> tuple[int, int]:
        """The event of a flip: framebuffer and time. Raises TimeoutError."""
        return self.connectors[connector].events.wait(number, timeout_s)

    def edid(self, connector: int = 0, size: int = 256) -> bytes:
        """GET_EDID, as a front end of version 2 asks."""
        memory = self.domain.share(size)
        directory = self.domain.share(PAGE)
        fill_directory(directory, memory.refs)
        try:
            response = self.ask(GET_EDID, struct.pack("<II", size, directory.refs[0]), connector)
            return memory.data[: struct.unpack_from("<I", response.body)[0]]
        finally:
            self.domain.free(memory)
            self.domain.free(directory)


class Screen:
    """A program of the guest that shows pictures on one connector, with two buffers."""

    def __init__(
        self, display: DisplayFront, width: int, height: int, *, connector: int = 0, fourcc: int = XR24
    ) -> None:
        self._display = display
        self._connector = connector
        self.size = width, height
        known = pixel_format(fourcc)
        assert known is not None
        self._bpp = known.bytes_per_pixel * 8
        self.buffers = [display.create(width, height, self._bpp) for _ in range(2)]
        self.fbs = [display.attach(each, fourcc) for each in self.buffers]
        self._next = 0
        self._on = False

    def show(self, pixels: bytes) -> int:
        """Draw into the buffer that is not shown, and show it. Returns the flip's number; 0 if it was the mode set."""
        at, self._next = self._next, 1 - self._next
        self.buffers[at].draw(pixels)
        if not self._on:
            self._on = True
            self._display.configure(self.fbs[at], *self.size, self._bpp, self._connector)
            return 0
        return self._display.flip(self.fbs[at], self._connector)

    def show_and_wait(self, pixels: bytes) -> None:
        """As :meth:`show`, and wait until the flip is done."""
        number = self.show(pixels)
        if number:
            self._display.wait_done(number, self._connector)

    def off(self) -> None:
        self._on = False
        self._display.off(self._connector)

    def close(self) -> None:
        """As a program that ends: off, framebuffers, buffers."""
        self.off()
        for fb in self.fbs:
            self._display.detach(fb)
        for each in self.buffers:
            self._display.destroy(each)


def create_body(
    cookie: int, shape: tuple[int, int, int], size: int, flags: int, directory: int, offset: int = 0
) -> bytes:
    """The body of DBUF_CREATE; ``shape`` is width, height, bits per pixel."""
    return struct.pack("<QIIIIIII", cookie, *shape, size, flags, directory, offset)


def fill_directory(directory: SharedMemory, refs: Sequence[int]) -> None:
    """Link the pages of a directory, and write the references into them."""
    for at, _ in enumerate(directory.refs):
        following = directory.refs[at + 1] if at + 1 < len(directory.refs) else 0
        part = refs[at * REFS_PER_DIRECTORY : (at + 1) * REFS_PER_DIRECTORY]
        struct.pack_into(f"<{1 + len(part)}I", directory.data, at * PAGE, following, *part)


def read_directory(directory: SharedMemory, count: int) -> list[int]:
    """The references that the backend wrote."""
    refs: list[int] = []
    for at, _ in enumerate(directory.refs):
        wanted = min(REFS_PER_DIRECTORY, count - len(refs))
        refs += struct.unpack_from(f"<{wanted}I", directory.data, at * PAGE + 4)
    return refs
