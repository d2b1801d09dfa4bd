"""The process of a trial and its watcher: every way to end, and what is left behind."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from app.diagnosis.picture.picture_facts import ImportProof
from gl import trial_process
from gl.import_evidence import evidence_of
from gl.trial_process import TrialFailed, TrialLimits, TrialProcess, TrialUnlike
from gl.trial_record import TrialAnswer, TrialEnd
from tests.unit.ended_child import EndedChild

SHORT = TrialLimits(start_s=0.5, import_s=0.3, starts=0, memory=1 << 30, output=100)
SHORT_IMPORT = replace(SHORT, start_s=20)
LONG = TrialLimits()


@contextmanager
def trial(script: str, limits: TrialLimits = LONG) -> Iterator[tuple[TrialProcess, list[TrialAnswer]]]:
    """A trial whose process is this Python script; its fd is a memfd."""
    fd = os.memfd_create("buffer")
    answers: list[TrialAnswer] = []
    process = TrialProcess("request", fd, limits, answers.append, (sys.executable, "-S", "-c", script))
    try:
        yield process, answers
    finally:
        process.cancel()
        os.close(fd)


@pytest.mark.parametrize(
    ("script", "end", "words"),
    [
        ("print('ready'); print('survived')", TrialEnd.SURVIVED, ""),
        ("print('survived')", TrialEnd.STATUS, "status 0 and with a wrong answer"),
        ("print('ready')", TrialEnd.STATUS, "status 0 and without an answer"),
        ("print('ready'); raise SystemExit(3)", TrialEnd.STATUS, "status 3 and without an answer"),
        ("print('ready'); print('survived'); raise SystemExit(3)", TrialEnd.STATUS, "status 3"),
        ("print('ready\\nsurvived', flush=True); import os; os.abort()", TrialEnd.SIGNAL, "SIGABRT"),
        ("print('ready', flush=True); import os; os.kill(os.getpid(), 40)", TrialEnd.SIGNAL, "signal 40"),
        ("import time; time.sleep(99)", TrialEnd.TIME, "within 0.5 s"),
        ("print('ready', flush=True); import time; time.sleep(99)", TrialEnd.TIME, "within 0.3 s"),
        ("import os, time; os.close(1); time.sleep(99)", TrialEnd.TIME, "within 0.5 s"),
        ("while True: print('ready')", TrialEnd.OUTPUT, "more than 100 bytes"),
    ],
)
def test_how_it_ends(script: str, end: TrialEnd, words: str) -> None:
    short = SHORT_IMPORT if "ready" in script else SHORT
    with trial(script, short if end is TrialEnd.TIME else TrialLimits(output=100)) as (process, answers):
        process.wait()
        assert process.done and process.failure is None
        assert answers == [process.answer]
        assert answers[0].end is end and words in answers[0].detail


@pytest.mark.parametrize(
    ("script", "proof", "detail"),
    [
        ("print('result:drawn\\nsurvived')", ImportProof.DRAWN, "eglCreateImage succeeded"),
        ("print('note:GL_X%20\\x1b\\nresult:unreadable\\nsurvived')", ImportProof.UNREADABLE, "GL_X"),
        ("import os; os.abort()", ImportProof.UNREADABLE, "SIGABRT"),
        ("import time; time.sleep(99)", ImportProof.HUNG, "did not end"),
    ],
)
def test_what_a_trial_for_evidence_proves(script: str, proof: ImportProof, detail: str) -> None:
    limits = SHORT_IMPORT if proof is ImportProof.HUNG else LONG
    with trial(f"print('ready\\nimage:made', flush=True); {script}", limits) as (process, _):
        process.wait()
        assert process.answer is not None
        evidence = evidence_of(process.answer)
        assert evidence is not None and evidence.proof is proof
        assert detail in evidence.detail and "\x1b" not in evidence.detail


@pytest.mark.parametrize(
    ("answer", "proof"),
    [
        (TrialAnswer(TrialEnd.SURVIVED, said=("note:EGL_BAD_ALLOC", "result:refused")), ImportProof.REFUSED),
        (TrialAnswer(TrialEnd.SIGNAL, "the trial was ended by SIGSEGV"), ImportProof.CRASHED),
        (TrialAnswer(TrialEnd.SURVIVED), None),
        (TrialAnswer(TrialEnd.SURVIVED, said=("result:else",)), None),
    ],
)
def test_what_an_answer_without_an_image_proves(answer: TrialAnswer, proof: ImportProof | None) -> None:
    evidence = evidence_of(answer)
    assert (evidence.proof if evidence is not None else None) is proof
    assert evidence is None or "made no image" in evidence.detail


@pytest.mark.parametrize("name", ["SIGKILL", "SIGXCPU"])
def test_an_end_from_outside_is_no_answer(name: str) -> None:
    script = f"import os, signal; print('ready', flush=True); os.kill(os.getpid(), signal.{name})"
    with trial(script) as (process, answers):
        process.wait()
        assert isinstance(process.failure, TrialFailed) and name in str(process.failure)
        assert (process.answer, answers) == (None, [])


@pytest.mark.parametrize("end", ["raise SystemExit(1)", "raise MemoryError", "import os; os.abort()"])
def test_an_end_before_the_import_says_nothing_of_it(end: str) -> None:
    with trial(end) as (process, answers):
        process.wait()
        assert isinstance(process.failure, TrialFailed) and "before the import" in str(process.failure)
        assert (process.answer, answers) == (None, [])


def test_what_a_driver_has_started_ends_with_the_trial(tmp_path: Path) -> None:
    """It may hold the buffer, and with it the device."""
    child = tmp_path / "child"
    script = (
        "import os, time\n"
        "pid = os.fork()\n"
        "if not pid:\n    os.close(1); time.sleep(20); os._exit(0)\n"
        f"open({str(child)!r}, 'w').write(str(pid)); print('ready'); print('survived')"
    )
    with trial(script) as (process, answers):
        process.wait()
        assert [each.end for each in answers] == [TrialEnd.SURVIVED]
    stat = Path(f"/proc/{child.read_text()}/stat")
    end = time.monotonic() + 10
    # A zombie has ended: its new parent has not reaped it yet.
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end, "the child outlives the trial"
        time.sleep(0.01)


def test_a_process_that_reaches_another_driver_is_no_answer() -> None:
    with trial("print('unlike')") as (process, answers):
        process.wait()
        assert isinstance(process.failure, TrialUnlike) and answers == []


def test_an_error_of_the_trials_own_program_is_no_crash_of_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be remembered for days. Here: a request that is none, and a look at the process that fails."""
    fd, answers = os.memfd_create("buffer"), list[TrialAnswer]()
    try:
        process = TrialProcess("request", fd, LONG, answers.append)
        process.wait()
        assert isinstance(process.failure, TrialFailed) and "JSONDecodeError" in str(process.failure)
        monkeypatch.setattr("gl.trial_process._resident", Mock(side_effect=MemoryError))
        command = (sys.executable, "-S", "-c", "import time; time.sleep(99)")
        process = TrialProcess("request", fd, LONG, answers.append, command)
        process.wait()
        assert isinstance(process.failure, TrialFailed) and answers == []
    finally:
        os.close(fd)


def test_a_program_that_cannot_be_started() -> None:
    fd = os.memfd_create("buffer")
    process = TrialProcess("request", fd, LONG, lambda _answer: None, ("/nonexistent/python",))
    process.wait()
    os.close(fd)
    assert isinstance(process.failure, TrialFailed) and "ENOENT" in str(process.failure)


def test_it_gets_the_buffer_and_no_other_fd(tmp_path: Path) -> None:
    """The device of a VM that ends must not stay open in another process."""
    seen = tmp_path / "seen"
    script = (
        "import os, sys\n"
        "links = [os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') if int(fd) > 2"
        " and os.path.exists(f'/proc/self/fd/{fd}') or int(fd) == int(sys.argv[2])]\n"
        f"open({str(seen)!r}, 'w').write(' '.join(links))\n"
    )
    device = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(device, True)
    with trial(script) as (process, _):
        process.wait()
    os.close(device)
    text = seen.read_text()
    assert "memfd:buffer" in text
    assert "/dev/null" not in text


def test_a_cancelled_trial_is_killed_at_once(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    )
    with trial(script) as (process, answers):
        end = time.monotonic() + 30
        while not (pid.exists() and pid.read_text()):
            assert time.monotonic() < end
            time.sleep(0.01)
        running = not process.done
        process.cancel()
        process.wait()
        assert (running, process.done, answers) == (True, True, [])
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_ctrl_c_in_the_terminal_is_no_crash(tmp_path: Path) -> None:
    """The terminal sends it to the whole process group of this program."""
    groups = tmp_path / "group"
    script = f"import os; open({str(groups)!r}, 'w').write(str(os.getpgid(0)))"
    with trial(script) as (process, _):
        process.wait()
    assert int(groups.read_text()) != os.getpgid(0)


def test_two_trials_reap_the_same_stuck_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of them fails, or leaves its fd of the buffer open."""
    stuck = [EndedChild()]
    monkeypatch.setattr(trial_process, "_stuck", stuck)
    fds = len(os.listdir("/proc/self/fd"))
    script = "print('ready'); print('survived')"
    with trial(script) as (first, _), trial(script) as (second, _):
        first.wait()
        second.wait()
        assert [each.answer and each.answer.end for each in (first, second)] == [TrialEnd.SURVIVED] * 2
    assert (stuck, len(os.listdir("/proc/self/fd"))) == ([], fds)
