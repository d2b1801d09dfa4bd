"""A request to root's helper, from its start to its end, with scripts in the real programs' places."""

import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.attach import helper_answer, helper_exchange, helper_installation
from app.attach.helper_fds import HelperMethod
from app.attach.helper_request import HelperRequest, request_fds
from app.attach.request_text import request_words
from app.errors import MdevviewError, OpenFailed, PermissionDenied
from tests.unit.app.attach.installed_helper import (
    IGNORES_SIGTERM,
    SEES_NOTHING,
    Make,
    child_of,
    close_fds,
    wait_for_end,
)

PKEXEC, SUDO = HelperMethod.PKEXEC, HelperMethod.SUDO


def test_fds_arrive_with_their_numbers_and_are_the_callers(make: Make) -> None:
    setup = make(
        "answer({'fds': [12, 40], 'groups': [7], 'devices': ['0000:00:02.0', None]},"
        " os.open('/dev/null', 0), os.open('/dev/zero', 0))"
    )
    received = request_fds(4711, installation=setup)
    try:
        assert [(each.number, each.groups, each.device) for each in received] == [
            (12, (7,), "0000:00:02.0"),
            (40, (7,), None),
        ]
        assert [os.fstat(each.fd).st_rdev for each in received] == [os.makedev(1, 3), os.makedev(1, 5)]
        assert not any(os.get_inheritable(each.fd) for each in received)
    finally:
        close_fds(received)


@pytest.mark.parametrize("way", [HelperMethod.PKEXEC, HelperMethod.SUDO])
def test_helper_gets_the_request_and_nothing_else(
    make: Make, way: HelperMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
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
            request_fds(os.getpid(), 5, way, setup)
    finally:
        os.close(leaking)
    arguments, environment, files = json.loads(caught.value.message.removeprefix("the helper refused: "))
    user, name = request_words(os.getpid())
    assert arguments == [f"pid={os.getpid()}", f"user={user}", f"vm={name}", "fd=5"]
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
    ("way", "ending", "error", "says"),
    [
        (PKEXEC, "echo 'Request dismissed' >&2; exit 126", PermissionDenied, "dismissed"),
        (PKEXEC, "echo 'Not authorized' >&2; echo so >&2; exit 127", PermissionDenied, "authorized.*agent"),
        (SUDO, "echo x >&2; echo 'sudo: no password' >&2; exit 1", PermissionDenied, "password.*terminal"),
        (SUDO, "exit 3", OpenFailed, "status 3"),
        (PKEXEC, "kill -9 $$", OpenFailed, "status -9"),
        # What sudo does to standard input where it logs it.
        (SUDO, 'shift 3; : | "$@"; exit 1', PermissionDenied, "log_input"),
    ],
)  # fmt: skip
def test_who_gives_no_rights_is_told_apart(
    make: Make, way: HelperMethod, ending: str, error: type[MdevviewError], says: str
) -> None:
    setup = make(
        "if False: pass",
        SEES_NOTHING,
        pkexec=ending if way is HelperMethod.PKEXEC else "",
        sudo=ending if way is HelperMethod.SUDO else "",
    )
    if "log_input" in says:
        setup.helper.write_text("#!/bin/sh\necho 'mdevview-getfd: standard input is no socket' >&2; exit 1\n")
    with pytest.raises(error, match=f"(?s){says}"):
        request_fds(4711, None, way, setup)


def test_what_is_sent_later_is_let_go_of(make: Make) -> None:
    close_fds(
        request_fds(
            4711, installation=make("answer({'fds': [6], 'groups': []}, 0); answer({'fds': [7], 'groups': []}, 0)")
        )
    )


def test_window_can_watch_it_and_give_up_while_a_password_is_asked_for(make: Make, tmp_path: Path) -> None:
    request = HelperRequest(4711, installation=make(pkexec=f"echo $$ >{tmp_path}/pid; exec sleep 1000"))
    assert request.fileno() == -1
    request.start()
    child = child_of(request)
    with pytest.raises(BlockingIOError):
        request.result()
    assert request.limit_s is None
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    request.cancel()
    request.cancel()
    assert request.fileno() == -1
    assert int((tmp_path / "pid").read_text()) == child.pid
    # It would go on for 1000 s: the dialog would be left behind.
    wait_for_end(child)


def test_cancelling_waits_for_no_child(make: Make, tmp_path: Path) -> None:
    """One that ignores SIGTERM, as sudo while it runs a program, once froze the window for 4 s."""
    ready = tmp_path / "ready"
    request = HelperRequest(4711, installation=make(pkexec=f'exec "{sys.executable}" "{IGNORES_SIGTERM}" "{ready}"'))
    request.start()
    child = child_of(request)
    while not ready.exists():
        time.sleep(0.01)
    waited: list[float | None] = []
    child.wait = waited.append  # type: ignore[method-assign,assignment]
    request.cancel()
    assert waited == []
    assert child.poll() is None
    child.kill()
    wait_for_end(child)


def test_waiting_is_cancelled_through_a_fd(make: Make) -> None:
    request = HelperRequest(4711, installation=make(pkexec="exec sleep 1000"))
    request.start()
    child = child_of(request)
    cancel = os.eventfd(0, os.EFD_CLOEXEC)
    thread = threading.Timer(0.05, os.eventfd_write, (cancel, 1))
    thread.start()
    with pytest.raises(PermissionDenied, match="cancelled"):
        request.wait(cancel)
    thread.join()
    os.close(cancel)
    assert request.fileno() == -1
    wait_for_end(child)


@pytest.mark.parametrize("call", ["socket.socketpair", "os.memfd_create"])
@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOSYS])
def test_missing_resource_is_one_clear_error_and_leaks_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    before = sorted(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch, HelperRequest(4711, installation=make()) as request:
        patch.setattr(call, fail)
        with pytest.raises(OpenFailed, match=errno.errorcode[code]):
            request.start()
        assert sorted(os.listdir("/proc/self/fd")) == before
        assert request.fileno() == -1


def test_program_that_cannot_be_run_is_one_clear_error_and_leaks_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    before = sorted(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch, HelperRequest(4711, installation=make()) as request:
        patch.setattr(subprocess, "Popen", fail)
        with pytest.raises(PermissionDenied, match=r"pkexec cannot be run: Resource temporarily unavailable"):
            request.start()
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_answer_that_cannot_be_received_is_one_clear_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    with HelperRequest(4711, installation=make("answer({'fds': [6], 'groups': []}, 0)")) as request:
        request.start()
        request.wait()
        child = child_of(request)
        monkeypatch.setattr(helper_answer, "receive_answer", fail)
        with pytest.raises(OpenFailed, match="ENOBUFS"):
            request.result()
        assert request.fileno() == -1
    wait_for_end(child)


def test_result_is_there_when_its_fd_is_readable(make: Make) -> None:
    with HelperRequest(4711, installation=make("time.sleep(0.2); answer({'fds': [6], 'groups': []}, 0)")) as request:
        request.start()
        assert select.select([request], [], [], 30)[0]
        close_fds(request.result())
        assert request.fileno() == -1


def test_silence_is_bounded_where_nobody_can_be_asked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helper_installation, "UNATTENDED_S", 0.1)
    with pytest.raises(OpenFailed, match="no answer"):
        request_fds(4711, None, HelperMethod.SUDO, make(terminal=SEES_NOTHING, sudo="exec sleep 1000"))
    (child,) = helper_exchange._unreaped
    wait_for_end(child)


def test_child_that_may_not_be_ended_is_reaped_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sudo once the password was given: it is root's then."""

    def refuse(child: subprocess.Popen[bytes]) -> None:
        raise PermissionError

    request = HelperRequest(4711, installation=make(pkexec='trap "" HUP; exec sleep 1000'))
    request.start()
    child = child_of(request)
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "terminate", refuse)
        request.cancel()
    assert child in helper_exchange._unreaped
    child.send_signal(signal.SIGKILL)
    wait_for_end(child)


def test_child_that_ends_by_itself_at_that_moment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt at the terminal goes to sudo too, which then ends while mdevview cancels its request."""

    def ends_first(child: subprocess.Popen[bytes]) -> None:
        child.kill()
        child.wait()

    request = HelperRequest(4711, installation=make(pkexec="exec sleep 1000"))
    request.start()
    monkeypatch.setattr(subprocess.Popen, "terminate", ends_first)
    request.cancel()


def test_socket_is_of_the_kind_the_helper_demands(make: Make) -> None:
    tell = (
        f"answer({{'refused': str((out.family, out.type) == ({int(socket.AF_UNIX)}, {int(socket.SOCK_SEQPACKET)}))}})"
    )
    with pytest.raises(PermissionDenied, match="refused: True"):
        request_fds(4711, installation=make(tell))
