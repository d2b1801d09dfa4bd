"""Whatever a program in QEMU's place answers when it is asked for its help: the answer costs little, or is left out."""

import os
import resource
import time
from pathlib import Path

import pytest

from app.vm import vfio_properties as module
from app.vm.vfio_properties import vfio_properties
from tests.attacks.limits import time_limit

_LONGEST_S = 20
_MOST_GROWTH = 32 << 20
_HELP = "printf '  display=<str>\\n'"
# A shell script each: the program that the user names is often one.
_NO_ANSWER = {
    "no end": "exec yes '  display=<str>'",
    "never": f"{_HELP}; exec sleep 1000",
    "never, in a child": f"{_HELP}; sleep 1000; true",
    "ended, but a child keeps the pipe": f"{_HELP}; sleep 1000 &",
    "stopped": f"{_HELP}; kill -STOP $$",
    "killed": f"{_HELP}; kill -SEGV $$",
    "failed": f"{_HELP}; exit 1",
}
_GARBAGE = {
    "empty lines": "yes '' | head -c 200000",
    "one long word": "yes | tr -d '\\n' | head -c 200000",
    "nothing": "true",
    "no text": "head -c 200000 /dev/urandom | tr '=\\n' '--'",
}


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HELP_TIMEOUT_S", 0.5)


def _program(folder: Path, script: str) -> str:
    program = folder / "qemu-system-x86_64"
    program.write_text(f"#!/bin/sh\necho $$ >'{folder}/pid'\n{script}\n")
    program.chmod(0o755)
    return str(program)


def _members(session: int) -> list[str]:
    """The processes of a session that run."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = each.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state not in "ZX":
            found.append(each.parent.name)
    return found


@pytest.mark.parametrize("script", _NO_ANSWER.values(), ids=_NO_ANSWER)
def test_program_that_does_not_answer_is_ended_and_says_nothing(tmp_path: Path, script: str) -> None:
    program = _program(tmp_path, script)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with time_limit(_LONGEST_S):
        assert vfio_properties(program) == frozenset()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < _MOST_GROWTH
    note = tmp_path / "pid"
    # On a busy machine it may be ended before it has written its number.
    said = note.read_text() if note.exists() else ""
    end = time.monotonic() + _LONGEST_S
    while said and _members(int(said)):
        assert time.monotonic() < end, "a process is left"
        time.sleep(0.01)


@pytest.mark.parametrize("script", _GARBAGE.values(), ids=_GARBAGE)
def test_garbage_names_no_property(tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HELP_TIMEOUT_S", 10)
    program = _program(tmp_path, script)
    with time_limit(_LONGEST_S):
        assert vfio_properties(program) == frozenset()


def test_a_program_that_cannot_be_started_says_nothing(tmp_path: Path) -> None:
    program = tmp_path / "qemu-system-x86_64"
    assert vfio_properties(str(program)) == frozenset()
    os.mkfifo(program)
    assert vfio_properties(str(program)) == frozenset()
