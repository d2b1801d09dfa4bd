"""Asking root's helper: what the viewer makes of every answer and of none, with scripts in the real ones' places."""

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attach import helper
from app.attach.helper import MAX_FDS, Asking, Setup, Terminal, fault_of, fetch, parse
from app.attach.helper_fds import HandedFd, HelperWay
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone

_FAKE_HELPER = Path(__file__).parent / "programs/fake_helper.py"
_SEES_DIALOGS = Terminal(keys=False, desktop=True)
_SEES_PROMPTS = Terminal(keys=True, desktop=False)
_SEES_NOTHING = Terminal(keys=False, desktop=False)

Make = Callable[..., Setup]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A host on which pkexec and sudo allow everything, and the helper is a script that fake_helper.py runs."""

    def setup(
        script: str = "", terminal: Terminal = _SEES_DIALOGS, pkexec: str = 'exec "$@"', sudo: str = "", uid: int = 1000
    ) -> Setup:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        helper, action = tmp_path / "mdevview-getfd", tmp_path / "action.policy"
        code = tmp_path / "script.py"
        code.write_text(script)
        # The real one clears the environment; options end at "--".
        sudo = sudo or 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
        for file, text in (
            (helper, f'exec "{sys.executable}" -IS "{_FAKE_HELPER}" "{code}" "$@"'),
            (folder / "pkexec", pkexec),
            (folder / "sudo", sudo),
        ):
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)
        action.touch()
        return Setup(helper, action, (folder,), os.getuid(), lambda: uid, lambda: terminal)

    return setup


def _close(handed: list[HandedFd]) -> None:
    for each in handed:
        os.close(each.fd)


def test_fds_arrive_with_their_numbers_and_are_the_callers(make: Make) -> None:
    setup = make("answer({'fds': [12, 40], 'groups': [7]}, os.open('/dev/null', 0), os.open('/dev/zero', 0))")
    handed = fetch(4711, setup=setup)
    try:
        assert [(each.number, each.link, each.groups) for each in handed] == [
            (12, "/dev/null", (7,)),
            (40, "/dev/zero", (7,)),
        ]
        assert not any(os.get_inheritable(each.fd) for each in handed)
    finally:
        _close(handed)


@pytest.mark.parametrize("way", [HelperWay.PKEXEC, HelperWay.SUDO])
def test_helper_gets_the_request_and_nothing_else(make: Make, way: HelperWay, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = make(
        "answer({'refused': json.dumps([sys.argv[1:], sorted(os.environ), sorted(os.listdir('/proc/self/fd'))])})"
    )
    monkeypatch.setenv("LD_PRELOAD_OF_MINE", "x")
    monkeypatch.setenv("PYTHONPATH", "/tmp")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    leaking = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaking, True)
    try:
        with pytest.raises(PermissionDenied) as caught:
            fetch(4711, 5, way, setup)
    finally:
        os.close(leaking)
    arguments, environment, files = json.loads(caught.value.message.removeprefix("the helper refused: "))
    assert arguments == ["4711", "5"]
    # What a shell sets by itself.
    assert set(environment) - {"PWD", "OLDPWD", "SHLVL", "_"} <= {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TERM",
        "LANGUAGE",
    }
    # The fourth is that of the listing.
    assert files == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [("process", ProcessGone), ("device", NoSuchDevice), ("rights", PermissionDenied), (3, PermissionDenied)],
)
def test_refusals_keep_their_reason(make: Make, kind: object, error: type[MdevviewError]) -> None:
    with pytest.raises(error, match="refused: not that one") as caught:
        fetch(4711, setup=make(f"answer({{'refused': 'not that one', 'kind': {kind!r}}})"))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("way", "ending", "error", "says"),
    [
        (HelperWay.PKEXEC, "echo 'Request dismissed' >&2; exit 126", PermissionDenied, "dismissed"),
        (HelperWay.PKEXEC, "echo 'Not authorized' >&2; echo so >&2; exit 127", PermissionDenied, "authorized.*agent"),
        (HelperWay.SUDO, "echo x >&2; echo 'sudo: no password' >&2; exit 1", PermissionDenied, "password.*terminal"),
        (HelperWay.SUDO, "exit 3", OpenFailed, "status 3"),
        (HelperWay.PKEXEC, "kill -9 $$", OpenFailed, "status -9"),
        # What sudo does to standard input where it logs it.
        (HelperWay.SUDO, 'shift 2; : | "$@"; exit 1', PermissionDenied, "log_input"),
    ],
)  # fmt: skip
def test_who_gives_no_rights_is_told_apart(
    make: Make, way: HelperWay, ending: str, error: type[MdevviewError], says: str
) -> None:
    setup = make(
        "if False: pass",
        _SEES_NOTHING,
        pkexec=ending if way is HelperWay.PKEXEC else "",
        sudo=ending if way is HelperWay.SUDO else "",
    )
    if "log_input" in says:
        setup.helper.write_text("#!/bin/sh\necho 'mdevview-getfd: standard input is no socket' >&2; exit 1\n")
    with pytest.raises(error, match=f"(?s){says}"):
        fetch(4711, None, way, setup)


@pytest.mark.parametrize(
    "script",
    [
        "out.send(b'\\xff\\0 no JSON')",
        "out.send(b'[' * 60000)",
        "answer([1])",
        "answer({'fds': [], 'groups': []})",
        "answer({'fds': [3], 'groups': []})",
        "answer({'fds': [3, 4], 'groups': []}, 0)",
        "answer({'fds': [True], 'groups': []}, 0)",
        "answer({'fds': [-1], 'groups': []}, 0)",
        "answer({'fds': [3], 'groups': 'x'}, 0)",
        "answer({'refused': 'but here it is', 'kind': 'rights'}, 0)",
        f"answer({{'fds': list(range({MAX_FDS + 6})), 'groups': []}}, *[0] * {MAX_FDS + 6})",
        "answer({'fds': [3], 'groups': [], 'more': 'x' * 100000}, 0)",
        "socket.send_fds(out, [b'\\0'], [0])",
    ],
)
def test_garbage_is_one_clear_error_and_keeps_no_fd_open(make: Make, script: str) -> None:
    with pytest.raises(OpenFailed, match="cannot be understood"):
        fetch(4711, setup=make(script))


def test_another_fd_than_the_one_asked_for_is_not_taken(make: Make) -> None:
    setup = make("answer({'fds': [6], 'groups': []}, 0)")
    with pytest.raises(OpenFailed, match="another fd"):
        fetch(4711, 5, setup=setup)
    _close(fetch(4711, 6, setup=setup))


def test_what_is_sent_later_is_let_go_of(make: Make) -> None:
    _close(fetch(4711, setup=make("answer({'fds': [6], 'groups': []}, 0); answer({'fds': [7], 'groups': []}, 0)")))


def test_window_can_watch_it_and_give_up_while_a_password_is_asked_for(make: Make, tmp_path: Path) -> None:
    asking = Asking(4711, setup=make(pkexec=f"echo $$ >{tmp_path}/pid; exec sleep 1000"))
    assert asking.fileno() == -1
    asking.start()
    with pytest.raises(BlockingIOError):
        asking.result()
    assert asking.limit_s is None
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    asking.cancel()
    asking.cancel()
    assert asking.fileno() == -1
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists(), "the dialog is left behind"


def test_result_is_there_when_its_fd_is_readable(make: Make) -> None:
    with Asking(4711, setup=make("time.sleep(0.2); answer({'fds': [6], 'groups': []}, 0)")) as asking:
        asking.start()
        assert select.select([asking], [], [], 30)[0]
        _close(asking.result())
        assert asking.fileno() == -1


def test_silence_is_bounded_where_nobody_can_be_asked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper, "_UNATTENDED_S", 0.1)
    with pytest.raises(OpenFailed, match="no answer"):
        fetch(4711, None, HelperWay.SUDO, make(terminal=_SEES_NOTHING, sudo="exec sleep 1000"))


def test_child_that_may_not_be_ended_is_reaped_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sudo once the password was given: it is root's then."""

    def refuse(child: subprocess.Popen[bytes]) -> None:
        raise PermissionError

    setup = make(pkexec='trap "" HUP; exec sleep 1000')
    asking = Asking(4711, setup=setup)
    asking.start()
    child = asking._child
    assert child is not None
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "terminate", refuse)
        asking.cancel()
    assert child in helper._left
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    helper._reap()
    assert not helper._left


@pytest.mark.parametrize(
    ("terminal", "lacks", "program"),
    [
        (Terminal(keys=True, desktop=True), "", "pkexec"),
        (Terminal(keys=True, desktop=True), "action.policy", "sudo"),
        (Terminal(keys=True, desktop=True), "bin/pkexec", "sudo"),
        (_SEES_PROMPTS, "", "sudo"),
        (_SEES_DIALOGS, "bin/sudo", "pkexec"),
        (_SEES_DIALOGS, "bin/pkexec", None),
        (_SEES_PROMPTS, "bin/sudo", None),
        (_SEES_NOTHING, "", None),
    ],
)
def test_asks_where_it_will_be_seen(
    make: Make, tmp_path: Path, terminal: Terminal, lacks: str, program: str | None
) -> None:
    tell = "answer({'refused': os.environ['BY']})"
    setup = make(
        tell,
        terminal,
        pkexec='BY=pkexec exec "$@"',
        sudo='while [ "$1" != -- ]; do shift; done; shift; BY=sudo exec "$@"',
    )
    if lacks:
        (tmp_path / lacks).unlink()
    with pytest.raises(PermissionDenied) as caught:
        fetch(4711, setup=setup)
    assert caught.value.message.endswith(program or "prompt") or (
        program is None and "no way to ask" in caught.value.message
    )


def test_nothing_is_run_as_root_nor_against_the_users_word(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for way, uid in ((HelperWay.NEVER, 1000), (HelperWay.AUTO, 0), (HelperWay.SUDO, 0)):
        with pytest.raises(PermissionDenied):
            fetch(4711, None, way, make(f"open({str(mark)!r}, 'w')", uid=uid))
    assert not mark.exists()


def test_helper_that_others_could_have_changed_is_not_run(make: Make, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    setup = make(f"open({str(mark)!r}, 'w')")
    helper = setup.helper
    other = Setup(helper, setup.action, setup.folders, os.getuid() + 1, setup.uid, setup.terminal)
    if os.getuid() != 0:
        with pytest.raises(PermissionDenied, match="belongs to user"):
            fetch(4711, setup=other)
    helper.chmod(0o775)
    with pytest.raises(PermissionDenied, match="others than root can write"):
        fetch(4711, setup=setup)
    helper.chmod(0o755)
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionDenied, match="others than root can write"):
        fetch(4711, setup=setup)
    tmp_path.chmod(0o755)
    helper.chmod(0o644)
    with pytest.raises(PermissionDenied, match="cannot be run"):
        fetch(4711, setup=setup)
    real = helper.rename(tmp_path / "real")
    real.chmod(0o755)
    helper.symlink_to(real)
    with pytest.raises(PermissionDenied, match="no regular file"):
        fetch(4711, setup=setup)
    helper.unlink()
    with pytest.raises(PermissionDenied, match=r"not installed; install it: sudo sh packaging/helper\.sh"):
        fetch(4711, setup=setup)
    assert not mark.exists()


def test_file_of_another_user_is_at_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "helper"
    file.touch(0o755)
    assert fault_of(file, os.getuid()) is None
    real = Path.stat

    def of_somebody(path: Path, **options: bool) -> os.stat_result:
        info = real(path, **options)
        return os.stat_result((*info[: stat.ST_UID], 4242, *info[stat.ST_UID + 1 :])) if path == tmp_path else info

    monkeypatch.setattr(Path, "stat", of_somebody)
    assert fault_of(file, os.getuid()) == f"{tmp_path} belongs to user 4242, not to root"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_NEARLY_RIGHT = {
    "fds": _JSON | st.lists(st.integers(-2, 1 << 32)),
    "groups": _JSON | st.just([]),
    "refused": _JSON,
    "kind": _JSON,
}
_NUMBER = st.integers(0, (1 << 31) - 1)
_NUMBERS = st.lists(_NUMBER, max_size=4) | st.lists(
    _NUMBER | st.sampled_from([-1, 1 << 31, True, 5.0, "5", None]), max_size=4
)
_MESSAGES = st.one_of(
    st.binary(max_size=200),
    _JSON.map(lambda each: json.dumps(each).encode()),
    st.fixed_dictionaries({}, optional=_NEARLY_RIGHT).map(lambda each: json.dumps(each).encode()),
)


@given(_MESSAGES, st.integers(0, 70))
def test_any_answer_gives_as_many_numbers_as_fds_or_one_error(message: bytes, count: int) -> None:
    try:
        answer = parse(message, count)
    except MdevviewError:
        return
    assert 0 < count == len(answer.numbers)
    assert all(type(each) is int and 0 <= each < 1 << 31 for each in answer.numbers + answer.groups)


@given(_NUMBERS, _NUMBERS, st.sampled_from([0, 0, 0, 1, -1]))
def test_numbers_that_are_right_are_taken_as_they_are(fds: list[object], groups: list[object], more: int) -> None:
    count = max(0, len(fds) + more)
    right = [type(each) is int and 0 <= each < 1 << 31 for each in fds + groups]
    message = json.dumps({"fds": fds, "groups": groups}).encode()
    if all(right) and 0 < count == len(fds):
        answer = parse(message, count)
        assert (answer.numbers, answer.groups) == (tuple(fds), tuple(groups))
    else:
        with pytest.raises(OpenFailed):
            parse(message, count)


def test_socket_is_of_the_kind_the_helper_demands(make: Make) -> None:
    tell = (
        f"answer({{'refused': str((out.family, out.type) == ({int(socket.AF_UNIX)}, {int(socket.SOCK_SEQPACKET)}))}})"
    )
    with pytest.raises(PermissionDenied, match="refused: True"):
        fetch(4711, setup=make(tell))
