"""The changes of what a source shows, one by one: for ``inspect --watch`` and for an event log. Pure.

It is told frames, outcomes of imports, buffers and findings with their times, and returns what changed since. A guest
that flips at every refresh, moves the cursor or changes its mode all the time yields a few changes each second at most:
see :mod:`app.diagnosis.changes.flip_pattern` and :mod:`app.diagnosis.changes.change_limit`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from app.diagnosis.changes.change import Change, ChangeKind
from app.diagnosis.changes.change_limit import ChangeLimit
from app.diagnosis.changes.change_text import (
    PLANE_CHANGES,
    buffer_text,
    buffer_values,
    flips_text,
    outcome_text,
    plane_text,
    plane_values,
    status_text,
)
from app.diagnosis.changes.flip_pattern import FlipPattern
from app.diagnosis.finding import Finding
from app.diagnosis.report.finding_document import finding_document
from app.planes.buffer import Buffer
from app.planes.buffer_facts import BufferFacts
from app.planes.frame import Frame
from app.planes.outcome import Outcome
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Reason, State, Status
from app.text.clean import visible

_SECOND = 1_000_000_000
# A cursor that moves by more pixels between two frames jumped.
_JUMP = 256
_MOVES_NS = 10 * _SECOND


@dataclass(slots=True)
class _Seen:
    """What was seen of one plane. ``identity`` is that of its buffer, None without one."""

    plane: Plane | None = None
    identity: int | None = None
    rejection: Status | None = None
    outcome: Outcome | None = None
    flips: FlipPattern = field(default_factory=FlipPattern)
    moves: int = 0
    moves_since_ns: int = 0


class ChangeLog:
    """Compares each fact with the one before. Times are nanoseconds of one clock and do not decrease."""

    def __init__(self) -> None:
        self._limit = ChangeLimit()
        self._status: Status | None = None
        self._seen = {kind: _Seen() for kind in PlaneKind}
        self._buffers: dict[int, BufferFacts] = {}
        self._query_errors: dict[str, int] = {}
        # By key, and number among those of the same key.
        self._findings: dict[tuple[str, int], Finding] = {}

    @property
    def due_ns(self) -> int | None:
        """When :meth:`tick` has something to tell although nothing was seen; None for never."""
        due = [self._limit.due_ns, *(each.flips.due_ns for each in self._seen.values())]
        due += [each.moves_since_ns + _MOVES_NS for each in self._seen.values() if each.moves]
        return min((each for each in due if each is not None), default=None)

    def tick(self, ns: int) -> tuple[Change, ...]:
        """What is due by time alone: how often a plane flips, and what was omitted."""
        told = list(self._limit.omitted(ns))
        for kind, seen in self._seen.items():
            flips = seen.flips.report(ns)
            if flips is not None:
                values = {"ids": list(flips.ids), "id": flips.last, "rate_hz": flips.rate_hz}
                told.append(Change(ns, ChangeKind.FLIPS, flips_text(kind, flips), kind, values))
            if seen.moves and ns - seen.moves_since_ns >= _MOVES_NS and seen.plane is not None:
                plane = seen.plane
                text = f"{kind.name.lower()} moved {seen.moves} times, now at {plane.x},{plane.y}"
                values = {"x": plane.x, "y": plane.y, "moves": seen.moves, "jump": False}
                told.append(Change(ns, ChangeKind.POSITION, text, kind, values))
                seen.moves = 0
        return tuple(told)

    def frame(self, frame: Frame, ns: int) -> tuple[Change, ...]:
        """A frame, also one that was seen before."""
        told = [*self.tick(ns), *self._status_changes(frame.status, ns)]
        if frame.status.state is State.GONE:
            return tuple(told)
        surfaces = {each.plane.kind: each for each in (frame.primary, frame.cursor) if each is not None}
        rejected = {each.plane.kind: each for each in frame.rejected}
        for kind, seen in self._seen.items():
            shown, refused = surfaces.get(kind), rejected.get(kind)
            of = shown or refused
            plane = of.plane if of is not None else None
            identity = _identity(of.buffer) if of is not None and of.buffer is not None else None
            told += self._plane_changes(kind, seen, plane, identity, ns)
            status = refused.status if refused is not None else None
            # A query that fails for both planes is told as the state of the picture.
            if kind is PlaneKind.CURSOR and status is None and frame.primary is not None:
                status = frame.cursor_refusal
            told += self._rejection_changes(kind, seen, status, ns)
        return tuple(told)

    def outcome(self, kind: PlaneKind, outcome: Outcome, ns: int) -> tuple[Change, ...]:
        """How the plane that the last frame shows reached the GPU."""
        seen, before = self._seen[kind], self._seen[kind].outcome
        seen.outcome = outcome
        if before is not None and (before is outcome or _same_path(before, outcome)):
            return ()
        values = {
            "path": outcome.path.value if outcome.path is not None else None,
            "import_method": outcome.method.value if outcome.method is not None else None,
            "reason": outcome.status.reason.key,
            "detail": outcome.status.detail,
        }
        return self._told(ChangeKind.PATH, f"{kind.name.lower()} {outcome_text(outcome)}", ns, kind, values)

    def buffers(self, facts: Iterable[BufferFacts], ns: int) -> tuple[Change, ...]:
        """The buffers that the source holds."""
        now, before = {each.serial: each for each in facts}, self._buffers
        self._buffers = now
        told: list[Change] = []
        for serial in before.keys() - now.keys():
            told += self._buffer_change(ChangeKind.RELEASED, before[serial], ns)
        for serial in now.keys() - before.keys():
            told += self._buffer_change(ChangeKind.FETCHED, now[serial], ns)
        return tuple(told)

    def query_errors(self, counts: Iterable[tuple[str, int]], ns: int) -> tuple[Change, ...]:
        """How many queries failed so far, by the name of their errno."""
        now, before = dict(counts), self._query_errors
        self._query_errors = now
        more = {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}
        if not more:
            return ()
        text = "queries failed: " + ", ".join(f"{name} {count} times" for name, count in more.items())
        return self._told(ChangeKind.QUERY_ERRORS, text, ns, None, {"query_errors": more})

    def findings(self, findings: Iterable[Finding], ns: int) -> tuple[Change, ...]:
        """All findings of now. Words that change are no change of a finding: they may have a number that counts."""
        counts: Counter[str] = Counter()
        now: dict[tuple[str, int], Finding] = {}
        for each in findings:
            now[each.key, counts[each.key]] = each
            counts[each.key] += 1
        before, self._findings = self._findings, now
        told: list[Change] = []
        for each in (before[key] for key in before if key not in now):
            text = f"finding {each.key} is gone: {each.message}"
            told += self._told(ChangeKind.FINDING_GONE, text, ns, None, finding_document(each))
        for each in (now[key] for key in now if key not in before):
            text = f"finding {each.key} ({each.severity.value}): {each.message}"
            text += f" Evidence: {each.evidence}." if each.evidence else ""
            text += f" Remedy: {each.remedy}" if each.remedy else ""
            told += self._told(ChangeKind.FINDING, text, ns, None, finding_document(each))
        return tuple(told)

    def _told(
        self, kind: ChangeKind, text: str, ns: int, plane: PlaneKind | None, values: dict[str, Any]
    ) -> tuple[Change, ...]:
        """The change, after what is due before it; without it if there were too many of its kind."""
        change = Change(ns, kind, visible(text), plane, values)
        return (*self._limit.omitted(ns), *((change,) if self._limit.passes(change) else ()))

    def _status_changes(self, status: Status, ns: int) -> tuple[Change, ...]:
        before, self._status = self._status, status
        if status == before:
            return ()
        values = {
            "state": status.state.value,
            "reason": status.reason.key,
            "detail": status.detail,
            "previous_reason": before.reason.key if before is not None else None,
        }
        if status.state is State.GONE:
            return (Change(ns, ChangeKind.END, visible(f"end: {status_text(status)}"), None, values),)
        if before is None and status.reason is Reason.NOT_STARTED:
            return ()
        return self._told(ChangeKind.STATE, f"state {status_text(status)}", ns, None, values)

    def _plane_changes(
        self, kind: PlaneKind, seen: _Seen, plane: Plane | None, identity: int | None, ns: int
    ) -> tuple[Change, ...]:
        before, identity_before = seen.plane, seen.identity
        seen.plane, seen.identity = plane, identity
        if plane is before and identity == identity_before:
            return ()
        name = kind.name.lower()
        if plane is None or before is None:
            seen.flips, seen.moves, seen.outcome = FlipPattern(), 0, None
            if plane is None:
                return self._told(ChangeKind.PLANE, f"{name} off", ns, kind, {"on": False})
            self._first_flip(seen, plane, identity, ns)
            text = f"{name} on: {plane_text(plane)}"
            return self._told(ChangeKind.PLANE, text, ns, kind, {"on": True, **plane_values(plane)})
        told: list[Change] = []
        if plane.import_key != before.import_key:
            for change_kind, text, values in (each(before, plane) for each in PLANE_CHANGES):
                if text:
                    told += self._told(change_kind, f"{name} {text}", ns, kind, values)
            seen.flips = FlipPattern()
        told += self._buffer_shown(kind, seen, (before, identity_before), (plane, identity), ns)
        told += self._moves(kind, seen, before, plane, ns)
        return tuple(told)

    def _first_flip(self, seen: _Seen, plane: Plane, identity: int | None, ns: int) -> None:
        number = plane.handle if plane.handle is not None else identity
        if number is not None:
            seen.flips.flip(number, ns)

    def _buffer_shown(
        self,
        kind: PlaneKind,
        seen: _Seen,
        before: tuple[Plane, int | None],
        now: tuple[Plane, int | None],
        ns: int,
    ) -> tuple[Change, ...]:
        """Whether the plane shows another buffer. A source without ids has only the identities of its buffers."""
        (plane_before, identity_before), (plane, identity) = before, now
        number = plane.handle if plane.handle is not None else identity
        if number is None or (plane.handle, identity) == (plane_before.handle, identity_before):
            return ()
        if plane.handle is not None and plane.handle == plane_before.handle:
            if identity is None or identity_before is None:
                return ()
            values = {"id": number, "same_id": True}
            text = f"{kind.name.lower()} id {number} is another buffer now"
            return self._told(ChangeKind.BUFFER, text, ns, kind, values)
        if not seen.flips.flip(number, ns):
            return ()
        values = {"id": number, "same_id": False}
        return self._told(ChangeKind.BUFFER, f"{kind.name.lower()} shows id {number}", ns, kind, values)

    def _moves(self, kind: PlaneKind, seen: _Seen, before: Plane, plane: Plane, ns: int) -> tuple[Change, ...]:
        told: tuple[Change, ...] = ()
        if (plane.hot_x, plane.hot_y) != (before.hot_x, before.hot_y):
            values = {"hot_x": plane.hot_x, "hot_y": plane.hot_y}
            spot = "unknown" if plane.hot_x is None else f"{plane.hot_x},{plane.hot_y}"
            told += self._told(ChangeKind.HOT_SPOT, f"{kind.name.lower()} hot spot {spot}", ns, kind, values)
        if (plane.x, plane.y) == (before.x, before.y):
            return told
        if max(abs(plane.x - before.x), abs(plane.y - before.y)) >= _JUMP:
            places = f"{before.x},{before.y} -> {plane.x},{plane.y}"
            values = {"x": plane.x, "y": plane.y, "previous_x": before.x, "previous_y": before.y, "jump": True}
            return told + self._told(ChangeKind.POSITION, f"{kind.name.lower()} jumped {places}", ns, kind, values)
        if not seen.moves:
            seen.moves_since_ns = ns
        seen.moves += 1
        return told

    def _rejection_changes(self, kind: PlaneKind, seen: _Seen, status: Status | None, ns: int) -> tuple[Change, ...]:
        before, seen.rejection = seen.rejection, status
        if status == before:
            return ()
        reason = status.reason.key if status is not None else None
        values = {"reason": reason, "detail": status.detail if status is not None else ""}
        text = f"cannot be shown: {status_text(status)}" if status is not None else "is no longer refused"
        return self._told(ChangeKind.REJECTED, f"{kind.name.lower()} {text}", ns, kind, values)

    def _buffer_change(self, kind: ChangeKind, facts: BufferFacts, ns: int) -> tuple[Change, ...]:
        text = f"{kind.value} {buffer_text(facts)}"
        return self._told(kind, text, ns, facts.plane.kind, buffer_values(facts))


def _identity(buffer: Buffer) -> int:
    """A dma-buf that is fetched again keeps its inode. Other memory has only the number of the buffer."""
    return buffer.inode if buffer.inode is not None else buffer.serial


def _same_path(before: Outcome, now: Outcome) -> bool:
    """Whether only the words of the detail differ: some have a number that changes at each try."""
    plain = (replace(each, failures=(), status=Status(each.status.reason)) for each in (before, now))
    return next(plain) == next(plain)
