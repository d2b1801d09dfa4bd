"""Folds the calls of QEMU's listener interfaces into the picture of one console.

Nothing here waits. Replies are immediate but for UpdateDMABUF, which QEMU takes for the end of the frame
(:mod:`app.dbus_display.picture.held_answers`).
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable

from jeepney import Message

from app.dbus_display.connection.listener import Answer, Done, Later, Refusal
from app.dbus_display.picture.console_picture import ConsolePicture
from app.dbus_display.picture.held_answers import HeldAnswers
from app.dbus_display.picture.held_buffers import Held, OwnedBuffer, held_memory
from app.dbus_display.picture.listener_calls import (
    BadCall,
    CursorDefine,
    Disable,
    ListenerCall,
    MouseSet,
    Scanout,
    ScanoutDmabuf,
    ScanoutMap,
    Update,
    UpdateDmabuf,
    UpdateMap,
    listener_call,
    member_of,
)
from app.dbus_display.picture.pixman import pixman_fourcc
from app.dbus_display.picture.problem_log import ProblemLog
from app.dbus_display.picture.repeated_damage import RepeatedDamage
from app.dbus_display.picture.scanout_planes import (
    dmabuf_plane,
    held_map,
    held_scanout,
    memory_plane,
    why_perhaps_part,
    why_too_small,
)
from app.dbus_display.picture.value_memory import ValueMemory
from app.dbus_display.wire.names import FAILED, LISTENER_DMABUF2, LISTENER_MAP
from app.errors import error_text
from app.formats.fourcc import pixel_format
from app.planes.buffer_facts import BufferFacts
from app.planes.damage import DamagedRect
from app.planes.display_facts import DisplayFacts, DisplayProblem
from app.planes.file_buffer import FileBuffer
from app.planes.frame import Frame
from app.planes.status import Reason, Status


class ConsoleListener:
    """The state of one console: a :class:`app.dbus_display.connection.listener.Listener`.

    The display's thread calls the members of Listener, the consumer's thread the others. ``changed`` is called without
    a lock when :meth:`frame` would return a new frame. ``register_again`` asks for the current picture once more.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        register_again: Callable[[], object],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.interfaces: tuple[str, ...] = (LISTENER_MAP, LISTENER_DMABUF2)
        self._changed = changed
        self._register_again = register_again
        self._clock = clock
        self._lock = threading.Lock()
        self._picture = ConsolePicture()
        self._answers = HeldAnswers()
        self._problems = ProblemLog()
        self._messages: Counter[str] = Counter()
        self._kind: str | None = None
        self._acknowledged = False
        # Disable came, and a scanout came, since the last UpdateDMABUF.
        self._disabled = self._scanout_came = False
        self._map_offset = 0
        self._repeated = RepeatedDamage()
        self._closed = False
        # Only the display's thread uses it.
        self._value: ValueMemory | None = None

    def handle(self, call: Message, now_ns: int) -> Answer:
        try:
            parsed = listener_call(call)
            with self._lock:
                self._messages[member_of(call)] += 1
            answer = self._fold(parsed, call.header.serial, now_ns)
        except BadCall as bad:
            with self._lock:
                self._problems.note(bad.problem, str(bad))
            return Refusal(bad.error, str(bad))
        except (OSError, MemoryError) as error:
            text = error_text(error) if isinstance(error, OSError) else "there is not enough memory"
            with self._lock:
                self._problems.note(DisplayProblem.BAD_MESSAGE, f"{member_of(call)}: {text}")
            return Refusal(FAILED, text)
        if self._picture.changed:
            self._changed()
        return answer

    def due_answers(self, now_ns: int) -> tuple[list[int], int | None]:
        with self._lock:
            return self._answers.due(now_ns)

    def closed(self, reason: str, *, ended: bool) -> None:
        self._value = None
        with self._lock:
            self._answers.clear()
            if self._closed or self._picture.end is not None:
                return
            if ended:
                self._picture.ended(reason, self._clock())
            else:
                self._picture.disconnected(reason, self._clock())
        self._changed()

    def registered(self) -> None:
        with self._lock:
            self._answers.clear()
            self._disabled = self._scanout_came = False

    def frame(self) -> tuple[Frame, list[OwnedBuffer]]:
        """The newest frame, and the buffers of earlier frames: the caller releases them."""
        with self._lock:
            return self._picture.frame(), self._picture.buffers.retired()

    def shown(self, frame: Frame) -> bool:
        """The frame was shown. Whether an answer is due now."""
        with self._lock:
            return self._answers.shown(frame.serial)

    def renew_buffers(self) -> list[OwnedBuffer]:
        """Go on with other buffers of the same memory. The caller releases the returned ones."""
        with self._lock:
            self._picture.renew_buffers()
            return self._picture.buffers.retired()

    def close(self) -> list[OwnedBuffer]:
        """Take no call in any more. The caller releases the buffers."""
        with self._lock:
            self._closed = True
            self._picture.release()
            return self._picture.buffers.retired()

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        with self._lock:
            return self._picture.end

    def display_facts(self) -> DisplayFacts:
        with self._lock:
            return DisplayFacts(
                scanout=self._kind,
                messages=tuple(sorted(self._messages.items())),
                scanouts_skipped=self._picture.scanouts_skipped,
                acknowledged=self._acknowledged,
                problems=self._problems.seen(),
            )

    def buffer_facts(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        with self._lock:
            return self._picture.facts()

    def _fold(self, call: ListenerCall, serial: int, now_ns: int) -> Answer:
        match call:
            case Scanout():
                self._scanout_by_value(call, now_ns)
            case Update():
                self._update_by_value(call, now_ns)
            case ScanoutMap():
                self._scanout_map(call, now_ns)
            case UpdateMap():
                self._update_map(call, now_ns)
            case ScanoutDmabuf():
                self._scanout_dmabuf(call, now_ns)
            case UpdateDmabuf():
                return self._update_dmabuf(call, serial, now_ns)
            case Disable():
                with self._lock:
                    self._disabled = True
            case MouseSet():
                with self._lock:
                    self._picture.move_cursor((call.x, call.y), on=call.on, now_ns=now_ns)
            case CursorDefine():
                with self._lock:
                    if not self._closed:
                        size, hot = (call.width, call.height), (call.hot_x, call.hot_y)
                        self._picture.define_cursor(bytes(call.data), size, hot, now_ns)
        return Done()

    def _scanout_by_value(self, call: Scanout, now_ns: int) -> None:
        fourcc = pixman_fourcc(call.pixman)
        format_ = None if fourcc is None else pixel_format(fourcc)
        if fourcc is None or format_ is None:
            self._unknown_format("value", call.pixman, now_ns)
            return
        value = self._value
        known = value is not None and value.takes(call)
        # The memory is written before anybody is told, and without the lock: a consumer may read it meanwhile.
        if value is not None and known:
            value.fill(call)
        else:
            value = ValueMemory(call, format_)
        with self._lock:
            self._note_scanout("value")
            self._problems.note(DisplayProblem.BY_VALUE, f"{call.width}x{call.height} pixels, {len(call.data)} bytes")
            if self._closed:
                return
            if known:
                self._picture.damaged(None, now_ns)
            else:
                plane = memory_plane(call, fourcc)
                self._picture.scanout(held_memory(value.bytes, plane), plane, now_ns)
                self._value = value

    def _update_by_value(self, call: Update, now_ns: int) -> None:
        value = self._value
        if value is None:
            if self._kind == "value":
                # The format of the picture is not known.
                return
            raise BadCall("Update: there was no Scanout")
        if call.pixman != value.pixman:
            raise BadCall(f"Update: format 0x{call.pixman:08x} for a picture of format 0x{value.pixman:08x}")
        where = value.patch(call)
        with self._lock:
            if where is None:
                self._note_outside(call, value.size)
            else:
                self._picture.damaged(where, now_ns)

    def _scanout_map(self, call: ScanoutMap, now_ns: int) -> None:
        fourcc = pixman_fourcc(call.pixman)
        if fourcc is None:
            os.close(call.fd)
            self._unknown_format("map", call.pixman, now_ns)
            return
        plane = memory_plane(call, fourcc)
        held = held_map(call, plane)
        self._value = None
        with self._lock:
            self._note_scanout("map")
            if self._closed:
                held.buffer.release()
                return
            self._map_offset = call.offset
            self._picture.scanout(held, plane, now_ns)

    def _update_map(self, call: UpdateMap, now_ns: int) -> None:
        with self._lock:
            if self._kind != "map":
                raise BadCall("UpdateMap: there was no ScanoutMap")
            held = self._picture.primary
            if held is None:
                return
            short = why_too_small(held, self._map_offset)
            if short:
                self._problems.note(DisplayProblem.MAP_TOO_SMALL, short)
            self._picture.refuse(Status(Reason.BUFFER_TRUNCATED, short) if short else None, now_ns)
            size = (held.plane.width, held.plane.height)
            where = DamagedRect(call.x, call.y, call.width, call.height).within(*size)
            if where is None:
                self._note_outside(call, size)
            elif not self._changes_nothing(held, where):
                self._picture.damaged(where, now_ns)

    def _changes_nothing(self, held: Held, where: DamagedRect) -> bool:
        buffer = held.buffer
        if not isinstance(buffer, FileBuffer) or buffer.released:
            return False
        return self._repeated.changes_nothing(buffer, held.plane, where)

    def _scanout_dmabuf(self, call: ScanoutDmabuf, now_ns: int) -> None:
        self._value = None
        kind = "dmabuf2" if call.second else "dmabuf"
        if len(call.strides) > 1:
            for each in call.fds:
                os.close(each)
            detail = f"{len(call.strides)} memory planes, modifier 0x{call.modifier:016x}"
            with self._lock:
                self._note_scanout(kind)
                self._picture.no_scanout(Status(Reason.SEVERAL_MEMORY_PLANES, detail), now_ns)
            return
        made = dmabuf_plane(call)
        fresh = held_scanout(call, made.plane)
        part = made.part or ("" if call.second else why_perhaps_part(made.plane, fresh.buffer.size))
        with self._lock:
            self._note_scanout(kind)
            if self._closed:
                fresh.buffer.release()
                return
            if part:
                self._problems.note(DisplayProblem.PART_OF_LARGER, part)
            held = self._picture.buffers.known(fresh)
            held.whole_damage = made.whole_damage or bool(part)
            self._picture.scanout(held, made.plane, now_ns)

    def _update_dmabuf(self, call: UpdateDmabuf, serial: int, now_ns: int) -> Answer:
        with self._lock:
            lost = self._disabled and not self._scanout_came
            self._disabled = self._scanout_came = False
            self._acknowledged = True
            self._problems.note(DisplayProblem.PACED_BY_US, "UpdateDMABUF waits for its reply")
            if lost:
                self._problems.note(DisplayProblem.BUFFER_LOST, "Disable and UpdateDMABUF came without a scanout")
            answer = self._damage_dmabuf(call, serial, now_ns)
        if lost:
            self._register_again()
        return answer

    def _damage_dmabuf(self, call: UpdateDmabuf, serial: int, now_ns: int) -> Answer:
        held = self._picture.primary
        if held is None or self._closed or not (call.width and call.height):
            return Done()
        size = (held.plane.width, held.plane.height)
        where = DamagedRect(call.x, call.y, call.width, call.height).within(*size)
        if where is None:
            self._note_outside(call, size)
        # Damage of a part may be told in coordinates of the whole: what seems to be outside may be on the screen.
        self._picture.damaged(where, now_ns)
        return Later() if self._answers.hold(serial, self._picture.next_serial, now_ns) else Done()

    def _unknown_format(self, kind: str, pixman: int, now_ns: int) -> None:
        self._value = None
        text = f"pixman format 0x{pixman:08x}"
        with self._lock:
            self._note_scanout(kind)
            self._problems.note(DisplayProblem.UNKNOWN_PIXMAN, text)
            self._picture.no_scanout(Status(Reason.UNKNOWN_FORMAT, text), now_ns)

    def _note_scanout(self, kind: str) -> None:
        self._kind = kind
        self._scanout_came = True

    def _note_outside(self, call: Update | UpdateMap | UpdateDmabuf, size: tuple[int, int]) -> None:
        if call.width and call.height:
            evidence = f"{call.width}x{call.height} at {call.x},{call.y} of {size[0]}x{size[1]} pixels"
            self._problems.note(DisplayProblem.DAMAGE_OUTSIDE, evidence)
