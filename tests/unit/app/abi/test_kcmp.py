"""Whether two fds are one open file, asked of the running kernel."""

import errno
import os
import subprocess

import pytest

from app.abi.kcmp import is_same_file
from tests import gate


def test_a_duplicate_is_the_same_open_file_and_another_open_is_not() -> None:
    one, other = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY)
    try:
        with subprocess.Popen(["sleep", "1000"], pass_fds=[one]) as child:
            try:
                try:
                    assert is_same_file(os.getpid(), one, child.pid, one)
                except OSError as error:
                    if error.errno == errno.ENOSYS:
                        gate.unavailable("this kernel has no kcmp(2)")
                    raise
                assert not is_same_file(os.getpid(), other, child.pid, one)
                with pytest.raises(OSError) as caught:
                    is_same_file(os.getpid(), one, child.pid, 999)
                assert caught.value.errno == errno.EBADF
            finally:
                child.kill()
    finally:
        os.close(one)
        os.close(other)


def test_architecture_without_a_known_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", "6", "1", "vax")))
    with pytest.raises(OSError) as caught:
        is_same_file(1, 1, 1, 1)
    assert caught.value.errno == errno.ENOSYS
