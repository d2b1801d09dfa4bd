"""A permission is for one VM, and the words that a person reads before giving it are true."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attach import request_text
from app.attach.helper_fds import HelperMethod
from app.attach.helper_installation import HelperCommand, HelperInstallation, PasswordPrompts, helper_command
from app.attach.request_text import NAME_LENGTH, clean, request_words
from app.errors import PermissionDenied
from tests.packaging.getfd import HELPER, ask
from tests.unit.app.attach.installed_helper import SEES_DIALOGS, SEES_NOTHING, SEES_PROMPTS, Make, maker

_POLICY = HELPER.parent / "io.github.mdevview.getfd.policy"


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    return maker(tmp_path_factory.mktemp("host"))


@pytest.fixture
def vm() -> Iterator[int]:
    """A process that calls itself a VM: ``win10``."""
    with subprocess.Popen(["/bin/sh", "-c", "read line", "-name", "guest=win10,x=y"], stdin=subprocess.PIPE) as process:
        _wait_for_arguments(process.pid)
        yield process.pid
        process.kill()


def _wait_for_arguments(pid: int) -> None:
    """The kernel shows them some moments after the program was started."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes():
        time.sleep(0.001)


def test_helper_refuses_words_that_are_not_true(vm: int) -> None:
    user, name = request_words(vm)
    assert name == "win10"
    own = [f"pid={vm}", f"user={user}", f"vm={name}"]
    assert "it has no VFIO device open" in ask(*own)["refused"]
    for said in ("nobody", "", "?", f"{user}x", "0"):
        refused = f"process {vm} belongs to {user}, not {clean(said)}"
        assert ask(own[0], f"user={said}", own[2]) == {"refused": refused, "kind": "rights"}
    for said in ("win11", "", "?", "WIN10", "win10 "):
        refused = f"process {vm} calls itself win10, not {clean(said)}"
        assert ask(own[0], own[1], f"vm={said}") == {"refused": refused, "kind": "rights"}
    # Only where the kernel hides the processes of others.
    assert ask(own[0], "user=?", "vm=?")["kind"] == "rights"


def test_permission_is_asked_for_each_vm_anew(make: Make) -> None:
    """Neither polkit nor sudo remembers an answer that was about another VM."""
    defaults = [each.text for each in ElementTree.parse(_POLICY).iterfind("action/defaults/*")]
    assert defaults == ["auth_admin"] * 3
    for prompts in (SEES_PROMPTS, SEES_NOTHING):
        assert "-k" in _command(make(terminal=prompts), os.getpid(), HelperMethod.SUDO).arguments


def test_question_names_the_process_the_user_and_the_vm(make: Make, vm: int) -> None:
    user, _ = request_words(vm)
    command = _command(make(terminal=SEES_DIALOGS), vm, HelperMethod.PKEXEC)
    assert command.arguments[-3:] == (f"pid={vm}", f"user={user}", "vm=win10")
    message = ElementTree.parse(_POLICY).findtext("action/message")
    assert message is not None
    assert "$(command_line)" in message
    (prompt,) = (
        each for each in _command(make(terminal=SEES_PROMPTS), vm, HelperMethod.SUDO).arguments if "%p" in each
    )
    assert f"VM win10 (process {vm} of {user})" in prompt


def test_a_process_that_holds_its_memory_makes_no_question_wait(
    make: Make, monkeypatch: pytest.MonkeyPatch, vm: int
) -> None:
    """A read of its command line waits in the kernel, and Ctrl-C does not end that."""
    answer = threading.Event()
    monkeypatch.setattr(request_text, "own_name", lambda _pid: str(answer.wait(30)))
    monkeypatch.setattr(request_text, "_LIMIT_S", 0.05)
    try:
        with pytest.raises(PermissionDenied, match="does not let its command line be read"):
            _command(make(terminal=SEES_DIALOGS), vm, HelperMethod.PKEXEC)
    finally:
        answer.set()
        for each in threading.enumerate():
            if each.name == "request-words":
                each.join()


def _command(installation: HelperInstallation, pid: int, method: HelperMethod) -> HelperCommand:
    assert isinstance(installation.prompts(), PasswordPrompts)
    return helper_command(pid, None, method, installation)


@given(st.text(max_size=200))
def test_name_cannot_be_taken_for_other_words(name: str) -> None:
    """No blank, no % of sudo's prompt, no control or bidirectional character, no name without end."""
    cleaned = clean(name)
    assert 0 < len(cleaned) <= NAME_LENGTH + 3
    assert cleaned == "?" or all(each.isascii() and (each.isalnum() or each in "._+-") for each in cleaned)
    assert clean(cleaned) == cleaned or len(cleaned) > NAME_LENGTH or cleaned == "?"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["-name", "win10"], "win10"),
        (["-name", "win10,process=x"], "win10"),
        (["-name", "debug-threads=on,guest=a b"], "a_b"),
        (["-name", "pid=1 user=root"], "?"),
        (["-name", "\u202eevil%p\n"], "_evil_p_"),
        (["-name", "x" * 200_000], "x" * NAME_LENGTH + "..."),
        (["--name", "one", "-name", "two"], "two"),
        (["-name"], "?"),
        ([], "?"),
    ],
)
def test_name_of_a_vm_is_short_and_clean(options: list[str], name: str) -> None:
    arguments = [each[:100_000] for each in options]
    with subprocess.Popen(["/bin/sh", "-c", "read line", *arguments], stdin=subprocess.PIPE) as process:
        _wait_for_arguments(process.pid)
        assert request_words(process.pid)[1] == name
        process.kill()
