"""The folder where a process was started, by what its environment says."""

import os
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.host.start_folder import parse_pwd, start_folder
from tests.unit.hosts import Host
from tests.unit.qmp_server import until


def test_a_daemon_that_has_left_its_folder_was_started_where_its_shell_was(tmp_path: Path) -> None:
    process = subprocess.Popen(["env", "-C", "/", "sleep", "60"], env={**os.environ, "PWD": str(tmp_path)})
    try:
        # The kernel sets its environment a moment after its name.
        until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n" and start_folder(process.pid))
        assert Path(f"/proc/{process.pid}/cwd").readlink() == Path("/")
        assert start_folder(process.pid) == str(tmp_path)
    finally:
        process.kill()
        process.wait()


def test_an_environment_that_cannot_be_read_tells_no_folder(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert start_folder(4242, host.paths) is None
    host.process(4242, "qemu")
    assert start_folder(4242, host.paths) is None


def test_only_a_full_path_that_was_read_whole_counts() -> None:
    assert parse_pwd(b"OLDPWD=/a\0PWD=/b=c\0PWD=/d\0") == "/b=c"
    for environment in (b"", b"PWD", b"PWD=\0", b"PWD=b\0", b"PWD=/cut", b"XPWD=/a\0", b"PWD=/" + b"x" * 5000 + b"\0"):
        assert parse_pwd(environment) is None


@given(st.binary())
def test_any_environment_gives_a_full_path_or_nothing(environment: bytes) -> None:
    folder = parse_pwd(environment)
    assert folder is None or (folder.startswith("/") and "\0" not in folder)
