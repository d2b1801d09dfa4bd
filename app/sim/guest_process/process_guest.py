"""A guest that draws and flips in a process of its own, so that a measurement is not slowed by it.

A query reads shared memory and never waits for the process. What the driver decides stays here: the faults of its
answers, the link of the monitor, and the exports of the guest's memory, whose files the process has sent.

If the process ends, the device is gone, as if its VM had ended. The process ends with this one.
"""

import errno
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

from app.device.guest_memory import Memory
from app.formats.decode import Rgba
from app.host.process import Process
from app.sim.config.spec import Spec
from app.sim.guest.cursor import cursor_image
from app.sim.guest.drawing import blend
from app.sim.guest.guest import CURSOR_PLACE, Flip, Scanout, cursor_scanout
from app.sim.guest.screen import Screen, make_screen
from app.sim.guest.timetable import Timetable
from app.sim.guest_process.cores import KeptOff, choose_cores, siblings_of
from app.sim.guest_process.messages import Kind, Message, receive, request_memory, request_mode
from app.sim.guest_process.shared_state import DisplayState, SharedState

_log = logging.getLogger(__name__)

# A start takes 0.3 s and the first picture at 8K as long again. An emulated machine takes half a minute.
_START_LIMIT_S = 120.0
_END_LIMIT_S = 5.0
_COMMAND = (sys.executable, "-P", "-m", "app.sim.guest_process.guest_child")


class ProcessGuest:
    """Owns the process (:class:`app.sim.guest.guest.Guest`). ``dma_bufs`` says whether exports may be real dma-bufs.

    Starting it waits for the first picture. Raises OSError if it cannot be started or has no memory.
    """

    clock = staticmethod(time.monotonic_ns)

    def __init__(self, spec: Spec, dma_bufs: bool) -> None:
        self.spec = spec
        self._dma_bufs = dma_bufs
        self._plugged = True
        self._closed = False
        self._received = 0
        self._queried_flips = 0
        self._memories: dict[int, Memory] = {}
        # Freed by the guest, but somebody holds an export of them.
        self._retired: list[Memory] = []
        self._screen: Screen | None = None
        self._resources = ExitStack()
        try:
            self._start()
            self._table = Timetable(spec, self.clock, self._wait_until_ready())
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        choice = choose_cores(frozenset(os.sched_getaffinity(0)), siblings_of)
        fd = SharedState.create()
        try:
            self._shared = SharedState(fd)
            self._resources.callback(self._shared.close)
            self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._resources.callback(self._connection.close)
            with theirs:
                child = self._spawn(theirs.fileno(), fd, choice.guest)
        finally:
            os.close(fd)
        self._resources.callback(_end, child)
        self.process = Process(child.pid, os.pidfd_open(child.pid))
        self._resources.callback(self.process.close)
        kept_off = KeptOff(choice)
        self._resources.callback(kept_off.end)
        self._connection.setblocking(False)

    def _spawn(self, connection: int, state: int, core: int) -> "subprocess.Popen[bytes]":
        # The kernel ends the process with the thread that started it, and only the main thread stays until the end.
        # Another thread's guest ends by its socket alone.
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        arguments = [*_COMMAND, str(self.spec), *map(str, (connection, state, parent, core))]
        path = os.pathsep.join(each for each in sys.path if each)
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # numpy's library for matrices, which are not used, would start a thread for each core.
            env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            pass_fds=(connection, state),
            # Ctrl-C in the terminal is for this process, which ends the guest.
            start_new_session=True,
        )

    def _wait_until_ready(self) -> int:
        """Wait for the first picture. Returns when the guest was opened. Raises OSError."""
        deadline = time.monotonic() + _START_LIMIT_S
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while True:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise OSError(errno.ETIMEDOUT, "the process of the simulated guest does not start")
            message = self._receive()
            if message.kind is Kind.READY:
                return message.value

    @property
    def pid(self) -> int:
        return self.process.pid

    def now(self) -> int:
        return self._table.now()

    def active(self, fault: str) -> bool:
        return self._table.active(fault)

    def present(self) -> bool:
        return not (self.active("gone") or self.process.ended())

    def mode(self) -> tuple[int, int]:
        state = self._state()
        return state.width, state.height

    def unplug(self) -> None:
        self._plugged = False

    def plug(self, size: tuple[int, int] | None) -> None:
        """The guest changes to the mode when it has drawn the first picture of it; this does not wait for that."""
        self._plugged = True
        if size is None or self._closed:
            return
        wanted = self._shared.wanted
        wanted.show(wanted.prepare(*size))
        # It looks after any request. A full socket has others that it did not get yet.
        with suppress(OSError):
            request_mode(self._connection)

    def primary(self) -> Scanout | None:
        if self._off():
            return None
        state = self._state()
        spec, memory = self.spec, self._memory(state.memory)
        if state.flips != self._queried_flips:
            # Copies that somebody holds are only read after a query that shows them.
            memory.written()
            self._queried_flips = state.flips
        return Scanout(
            memory=memory,
            address=self._table.address(state.place),
            fourcc=spec.fourcc,
            modifier=spec.modifier,
            width=state.width,
            height=state.height,
            stride=state.stride,
            size=state.size,
            x=0,
            y=0,
            flip_ns=state.flip_ns,
            flips=state.flips,
        )

    def cursor(self) -> Scanout | None:
        if self._off():
            return None
        state = self._state()
        if not state.cursor_memory:
            return None
        memory, place = self._memory(state.cursor_memory), self._table.address(CURSOR_PLACE)
        return cursor_scanout(memory, place, state.cursor_x, state.cursor_y, self._table.opened_ns)

    def picture(self) -> Rgba | None:
        """The correct picture of the last flip, which is shown until the next one."""
        if self._off():
            return None
        state = self._state()
        mode, one_colour = (state.width, state.height), self.active("one-colour")
        screen = self._screen
        if screen is None or ((screen.width, screen.height), screen.one_colour) != (mode, one_colour):
            screen = self._screen = make_screen(self.spec, 0, mode, Memory, one_colour=one_colour)
        rgba = screen.picture(state.flip)
        if state.cursor_memory:
            blend(rgba, state.cursor_x, state.cursor_y, cursor_image())
        return rgba

    def flips(self, since_ns: int | None = None, until_ns: int | None = None) -> list[Flip]:
        """The flips that were made, at most the last :data:`~app.sim.guest_process.shared_state.FLIPS_KEPT`."""
        until = self.clock() if until_ns is None else until_ns
        flips = [] if self._closed else self._shared.flips.last()
        return [each for each in flips if each.begin_ns <= until and (since_ns is None or each.begin_ns >= since_ns)]

    def flips_made(self) -> int:
        return 0 if self._closed else self._shared.flips.count

    def close(self) -> None:
        """End the process and free all memory; more calls do nothing. The planes are off from then on."""
        self._closed = True
        memories = (*self._memories.values(), *self._retired)
        self._memories, self._retired = {}, []
        for memory in memories:
            memory.close()
        self._resources.close()

    def _off(self) -> bool:
        return self._closed or not self._plugged or self._table.off

    def _state(self) -> DisplayState:
        """What the display engine shows now. First takes over the memories that it needs. Raises OSError."""
        shown_ns, values = self._shared.state.read()
        state = DisplayState(*values)
        while self._received < state.messages:
            self._receive()
        return state if state.flip_ns else state._replace(flip_ns=shown_ns)

    def _memory(self, number: int) -> Memory:
        memory = self._memories.get(number)
        if memory is None:
            with suppress(OSError):
                request_memory(self._connection, number)
            raise OSError(errno.EMFILE, "no fd was left for the memory of the simulated guest")
        return memory

    def _receive(self) -> Message:
        """Take one message that is there. Raises OSError."""
        self._received += 1
        message = receive(self._connection)
        match message.kind:
            case Kind.MEMORY if message.fd >= 0:
                # It is there already if it was asked for twice.
                memory = Memory(message.value, self._dma_bufs, message.fd)
                if self._memories.setdefault(message.number, memory) is not memory:
                    memory.close()
            case Kind.FREED:
                self._retire(self._memories.pop(message.number, None))
            case Kind.FAILED:
                raise OSError(message.number, os.strerror(message.number))
            case _:
                pass
        return message

    def _retire(self, freed: Memory | None) -> None:
        """Close memory that the guest has freed, or keep it while somebody holds an export of it."""
        retired = [*self._retired, freed] if freed is not None else self._retired
        self._retired = [each for each in retired if each.exported]
        for each in retired:
            if each not in self._retired:
                each.close()


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the process and reap it. It has nothing to save."""
    child.kill()
    try:
        child.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        _log.info("the process of the simulated guest (pid %d) does not end", child.pid)
