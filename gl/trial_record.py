"""What is remembered of import trials: which imports this user's graphics drivers survive.

One JSON file in the user's cache directory. It only saves time: without it, or where it cannot be trusted, each start
tries its imports again. Several programs may use it at once. Each writes a new file and renames it, so a reader never
sees half of one; of two answers written at the same moment one may be lost, and is tried again.
"""

import contextlib
import functools
import itertools
import json
import logging
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

_log = logging.getLogger(__name__)

_VERSION = 1
_MAX_BYTES = 256 * 1024
_MAX_ANSWERS = 128
_MAX_TEXT = 1000
_DAY_S = 86_400
# A hang or a lack of memory may be the machine's and not the driver's, so it is tried again sooner than a crash. Both
# cost little: the trial runs in a process of its own.
_LIFE_S = {"signal": 7 * _DAY_S, "status": 7 * _DAY_S, "output": 7 * _DAY_S, "time": _DAY_S, "memory": _DAY_S}


class TrialEnd(Enum):
    """How a trial ended. The values are written to the record."""

    SURVIVED = "survived"
    SIGNAL = "signal"
    STATUS = "status"
    OUTPUT = "output"
    TIME = "time"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """How a trial ended, and in words what happened: ``the trial was ended by SIGSEGV``.

    ``said`` is what the trial told of its import if it was asked for evidence; it is not recorded.
    """

    end: TrialEnd
    detail: str = ""
    said: tuple[str, ...] = ()

    @property
    def survived(self) -> bool:
        return self.end is TrialEnd.SURVIVED


class Record(Protocol):
    """Remembers answers by key. Any thread may call it; no call raises or waits for a trial."""

    def get(self, key: str) -> TrialAnswer | None:
        """The answer; None when there is none."""
        ...

    def put(self, key: str, answer: TrialAnswer) -> None: ...


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: TrialAnswer
    when: int

    def lives(self, now: float) -> bool:
        """Whether the answer still counts. A time in the future counts as a wrong clock."""
        life = _LIFE_S.get(self.answer.end.value)
        return life is None or abs(now - self.when) < life


class TrialRecord:
    """The record in a file; ``path`` None remembers for this process only. ``clock`` gives seconds since 1970.

    A file or a folder that belongs to another user is not used, nor one that others may write to: an answer in it
    could end this program. A user who is root by sudo and kept HOME has such a folder.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        # For the entries: held for a few statements, because a window asks. Writing a file may take longer.
        self._lock = threading.Lock()
        self._file_lock = threading.Lock()
        self._entries: dict[str, _Entry] | None = None
        self._told = False

    def get(self, key: str) -> TrialAnswer | None:
        """The answer; None when there is none or it is too old."""
        with self._lock:
            if self._entries is None:
                self._entries = self._read()
            entry = self._entries.get(key)
            return entry.answer if entry is not None and entry.lives(self._clock()) else None

    def put(self, key: str, answer: TrialAnswer) -> None:
        """Remember an answer, here and in the file."""
        new = {key: _Entry(answer, int(self._clock()))}
        with self._lock:
            # None: the file was not read yet, and is read here below.
            self._entries = (self._entries or {}) | new
        with self._file_lock:
            # Others may have written meanwhile: their answers stay.
            entries = _newest(self._read() | new)
            self._write(entries)
        with self._lock:
            self._entries = entries | self._entries

    def crashes(self) -> dict[str, TrialAnswer]:
        """The imports that were not survived, by key, as the file has them now."""
        now = self._clock()
        with self._file_lock:
            entries = self._read()
        return {key: each.answer for key, each in entries.items() if not each.answer.survived and each.lives(now)}

    def _read(self) -> dict[str, _Entry]:
        if self.path is None:
            return {}
        try:
            _require_own(self.path.parent.lstat(), stat.S_ISDIR, "folder")
            # Without O_NONBLOCK the open of a FIFO would wait.
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                _require_own(os.fstat(fd), stat.S_ISREG, "file")
                with os.fdopen(fd, "rb", closefd=False) as file:
                    return parse_record(file.read(_MAX_BYTES + 1))
            finally:
                os.close(fd)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self._tell(error)
            return {}

    def _write(self, entries: dict[str, _Entry]) -> None:
        if self.path is None:
            return
        answers = {
            key: {"end": each.answer.end.value, "detail": each.answer.detail, "when": each.when}
            for key, each in entries.items()
        }
        text = json.dumps({"version": _VERSION, "answers": answers}, indent=1)
        temporary = ""
        try:
            _make_own_folder(self.path.parent)
            _require_own(self.path.parent.lstat(), stat.S_ISDIR, "folder")
            # The file has mode 0600.
            fd, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(text)
            Path(temporary).replace(self.path)
        except (OSError, ValueError) as error:
            if temporary:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            _log.info("%s: import trials are not remembered between starts: %s", self.path, error)


def _newest(entries: dict[str, _Entry]) -> dict[str, _Entry]:
    """At most so many entries as a file may have."""
    return dict(sorted(entries.items(), key=lambda each: each[1].when)[-_MAX_ANSWERS:])


def _make_own_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises ValueError if it would be in another user's folder, and OSError.

    Root makes nothing in the home of a user: the user could not write there afterwards, and could lead it to any place
    with a symbolic link. So for root each part of the path must be root's.
    """
    missing = list(itertools.takewhile(lambda each: not os.path.lexists(each), (folder, *folder.parents)))
    found = (folder, *folder.parents)[len(missing) :]
    for each in found if os.geteuid() == 0 else found[:1]:
        if each.lstat().st_uid not in (0, os.geteuid()):
            raise ValueError(f"{each} belongs to another user")
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _require_own(status: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    """Raise ValueError unless it is of this kind and only this user may write to it."""
    if not is_kind(status.st_mode):
        raise ValueError(f"it is no {kind}")
    if status.st_uid != os.geteuid():
        raise ValueError(f"the {kind} belongs to user {status.st_uid}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError(f"others may write to the {kind}")


def parse_record(data: bytes) -> dict[str, _Entry]:
    """The answers in a record's file. Raises ValueError when it is none: it is used whole or not at all."""
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise ValueError(f"it is no record of version {_VERSION}")
    answers = document.get("answers")
    if not isinstance(answers, dict) or len(answers) > _MAX_ANSWERS:
        raise ValueError("it has no answers, or too many of them")
    return {key: _entry(each) for key, each in answers.items()}


def _entry(value: Any) -> _Entry:
    if not isinstance(value, dict) or set(value) != {"end", "detail", "when"}:
        raise ValueError("an answer has other members")
    end, detail, when = value["end"], value["detail"], value["when"]
    if not isinstance(end, str) or not isinstance(detail, str) or len(detail) > _MAX_TEXT:
        raise ValueError("an answer has no end, or a long detail")
    if type(when) is not int or not 0 <= when < 1 << 63:
        raise ValueError("an answer has no time")
    return _Entry(TrialAnswer(TrialEnd(end), detail), when)


def record_path() -> Path | None:
    """Where the user's record is (XDG Base Directory Specification); None for a user without a home."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The specification demands that relative paths are ignored.
    if not cache.startswith("/"):
        try:
            home = Path.home()
        except RuntimeError:
            return None
        # An empty HOME is the root folder for Python, and a relative one depends on the current folder.
        if not os.environ.get("HOME", "/").startswith("/"):
            return None
        cache = str(home / ".cache")
    return Path(cache) / "mdevview" / "import-trials.json"


@functools.cache
def default_record() -> TrialRecord:
    """The user's record, one for the whole process. It is read when it is first asked."""
    return TrialRecord(record_path())
