"""The process of a guest: ``python -m app.sim.guest_process.guest_child SPEC SOCKET_FD STATE_FD PARENT CORE``.

It draws each picture in advance and flips to it when it is due, by one store in shared memory. It waits in between for
an absolute time of CLOCK_MONOTONIC. What the picture and the flips are, the same guest decides that draws inside the
calls of a device (:class:`app.sim.guest.local_guest.LocalGuest`); here it has a device that is never queried.

It ends when the socket does, or, if PARENT is not 0, when the thread ends that started it. CORE is the processor that
it runs on, -1 for any. It has an ordinary priority.
"""

import contextlib
import errno
import gc
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

from app.abi.prctl import set_parent_death_signal
from app.abi.timerfd import timerfd_create, timerfd_settime
from app.device.guest_memory import Memory
from app.sim.config.spec import Spec, parse_spec
from app.sim.driver.devices import DEVICES, new_memory
from app.sim.guest.guest import Flip
from app.sim.guest.local_guest import LocalGuest
from app.sim.guest_process.messages import Kind, Message, receive_request, send
from app.sim.guest_process.shared_state import DisplayState, SharedState, WantedMode

# The faults that change what the guest does. All others change what its driver answers, in the parent.
_OWN_FAULTS = ("mode", "one-colour", "frozen", "cursor-at-edge", "cursor-outside")


class GuestProcess:
    """Draws and flips until the socket ends. Everything that it owns ends with the process."""

    def __init__(self, spec: Spec, connection: socket.socket, shared: SharedState) -> None:
        self._connection = connection
        self._shared = shared
        self._messages = 0
        self._memories: dict[int, Memory] = {}
        self._memories_made = 0
        self._device = DEVICES[spec.profile]
        faults = tuple(each for each in spec.faults if each.name in _OWN_FAULTS)
        self._guest = LocalGuest(
            replace(spec, faults=faults), time.monotonic_ns, self._new_memory, self._device.shares_memory
        )
        # The guest has drawn into the buffer on the screen, and not only flipped to it.
        self._draws_in_place = spec.buffers == 1
        self._state: DisplayState | None = None
        self._wanted = 0

    def run(self) -> None:
        """Raises OSError and MemoryError."""
        table = self._guest.timetable
        timer = timerfd_create()
        poll = select.poll()
        poll.register(timer, select.POLLIN)
        poll.register(self._connection, select.POLLIN)
        self._show()
        self._send(Message(Kind.READY, value=table.opened_ns))
        # No object that exists now will be garbage.
        gc.collect()
        gc.freeze()
        while True:
            self._guest.draw_ahead()
            due = table.next_event_ns(table.now())
            timerfd_settime(timer, None if due is None else table.opened_ns + due)
            for fd, _ in poll.poll():
                if fd != timer and not self._obey():
                    return
            self._show()

    def _obey(self) -> bool:
        """Do what the parent wants. False if it has ended."""
        request = receive_request(self._connection)
        if request is None:
            return False
        if request in self._memories:
            self._send_memory(request)
        wanted = self._shared.wanted
        if wanted.number != self._wanted:
            mode = WantedMode(*wanted.read()[1])
            self._wanted = wanted.number
            self._guest.plug(mode)
            self._free()
        return True

    def _show(self) -> None:
        """Draw what is due unless it is drawn already, and make it what the display engine shows."""
        began = time.monotonic_ns()
        state = self._next_state()
        last = self._state
        if state == last:
            return
        flipped = last is None or state.flips != last.flips
        published = self._shared.state
        if flipped and self._draws_in_place:
            # The picture changed while it was drawn.
            state = state._replace(flip_ns=began)
        number = published.prepare(*state)
        shown = published.show(number)
        if flipped:
            ended = time.monotonic_ns()
            state = state._replace(flip_ns=state.flip_ns or shown)
            table = self._guest.timetable
            self._shared.flips.add(Flip(table.opened_ns + table.due_ns(state.flip), state.flip_ns, ended))
        self._state = state

    def _next_state(self) -> DisplayState:
        """The state with what is due now, drawn. ``flip_ns`` is 0 if it is another picture or buffer than the last."""
        scanout, cursor = self._guest.primary(), self._guest.cursor()
        assert scanout is not None, "no fault turns the planes off here"
        last, flip, memory = self._state, self._guest.shown_flip, self._number(scanout.memory)
        flips, flip_ns = 1, 0
        if last is not None:
            same = (last.flip, last.place, last.memory) == (flip, scanout.address, memory)
            flips, flip_ns = (last.flips, last.flip_ns) if same else (last.flips + 1, 0)
        return DisplayState(
            messages=self._messages,
            flips=flips,
            flip=flip,
            flip_ns=flip_ns,
            memory=memory,
            place=scanout.address,
            width=scanout.width,
            height=scanout.height,
            stride=scanout.stride,
            size=scanout.size,
            cursor_memory=0 if cursor is None else self._number(cursor.memory),
            cursor_x=0 if cursor is None else cursor.x,
            cursor_y=0 if cursor is None else cursor.y,
        )

    def _new_memory(self, size: int) -> Memory:
        memory = new_memory(self._device, size)
        self._memories_made += 1
        self._memories[self._memories_made] = memory
        self._send_memory(self._memories_made)
        return memory

    def _send_memory(self, number: int) -> None:
        memory = self._memories[number]
        self._send(Message(Kind.MEMORY, number, memory.size, memory.fd))

    def _number(self, memory: Memory) -> int:
        return next(number for number, each in self._memories.items() if each is memory)

    def _free(self) -> None:
        """Tell which memories the guest has freed. Their pages stay for the parent, who knows who holds exports."""
        for number in [number for number, memory in self._memories.items() if memory.fd < 0]:
            del self._memories[number]
            self._send(Message(Kind.FREED, number))

    def _send(self, message: Message) -> None:
        send(self._connection, message)
        self._messages += 1


def main() -> None:
    spec, socket_fd, state_fd, parent, core = sys.argv[1:]
    connection = socket.socket(fileno=int(socket_fd))
    try:
        _prepare(int(parent), int(core))
        shared = SharedState(int(state_fd))
        os.close(int(state_fd))
        GuestProcess(parse_spec(spec), connection, shared).run()
    except (OSError, MemoryError) as error:
        code = error.errno if isinstance(error, OSError) else errno.ENOMEM
        with contextlib.suppress(OSError):
            send(connection, Message(Kind.FAILED, code or errno.EIO))
    # Python's own end would free framebuffers one by one.
    os._exit(0)


def _prepare(parent: int, core: int) -> None:
    """End with the parent, stay on a core, leave no core file, and be the first to end when memory is short."""
    if parent:
        set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    if core >= 0:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {core})
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
