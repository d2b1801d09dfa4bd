"""The helpers as programs: started as by sudo, with a socket as standard input."""

import importlib.machinery
import importlib.util
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.attach.request_text import request_words

REPOSITORY = Path(__file__).parents[2]
HELPER = REPOSITORY / "packaging/helper/mdevview-getfd"
XEN_HELPER = HELPER.with_name("mdevview-getxen")
ISOLATED = "-ISB"
BY_SUDO = {"SUDO_UID": str(os.getuid())}

Answer = dict[str, Any]


def load_helper(file: Path = HELPER) -> Any:
    """The script as a module, for what it does without the rights of root. Importing it runs nothing."""
    loader = importlib.machinery.SourceFileLoader(file.name.replace("-", "_"), str(file))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def run(
    *arguments: object, stdin: Any, environment: dict[str, str], cwd: Path | None = None, helper: Path = HELPER
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ISOLATED, helper, *map(str, arguments)],
        stdin=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=60,
        check=False,
    )


def request(pid: object, *fd: object) -> list[str]:
    """The arguments of a request, which tell the truth about the process if there is one."""
    user, name = request_words(int(str(pid)))
    return [f"pid={pid}", f"user={user}", f"vm={name}", *(f"fd={each}" for each in fd)]


def ask(*arguments: object, cwd: Path | None = None, **environment: str) -> Answer:
    """The answer to a request of this user, as by sudo: of a pid and perhaps a fd, or of these words."""
    if arguments and all(isinstance(each, int) for each in arguments):
        arguments = tuple(request(*arguments))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            ran = run(*arguments, stdin=theirs, environment=BY_SUDO | environment, cwd=cwd)
        message, fds, _, _ = socket.recv_fds(ours, 1 << 16, 16)
    assert (ran.returncode, ran.stdout, ran.stderr, fds) == (1, "", "", [])
    answer = json.loads(message)
    assert isinstance(answer, dict)
    return answer
