"""The child that duplicates a fd of another user's process."""

import errno
import os
from pathlib import Path

import pytest

from app.attach import duplicate_child
from app.attach.duplicate_child import duplicate_in_child
from app.host import vfio_file
from app.host.process import Process

# The program with one function replaced: here is no VFIO device.
_ALL_FILES_ARE_DEVICES = """
import runpy, sys
names = runpy.run_path({file!r})
names["main"].__globals__["vfio_class"] = lambda path: ("vfio-dev", "")
names["main"](*map(int, sys.argv[1:]))
"""


def test_device_comes_and_no_other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Process.open(os.getpid()) as own, (tmp_path / "file").open() as file:
        assert duplicate_in_child(own, file.fileno()) is None
        changed = tmp_path / "changed.py"
        changed.write_text(_ALL_FILES_ARE_DEVICES.format(file=vfio_file.__file__))
        monkeypatch.setattr(vfio_file, "__file__", str(changed))
        fd = duplicate_in_child(own, file.fileno())
        assert fd is not None
        try:
            assert os.path.samestat(os.fstat(fd), os.fstat(file.fileno()))
            assert not os.get_inheritable(fd)
        finally:
            os.close(fd)


def test_errors_of_the_kernel_and_of_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Process.open(os.getpid()) as own:
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            duplicate_in_child(own, 99_999)
        program = tmp_path / "program.py"
        monkeypatch.setattr(vfio_file, "__file__", str(program))
        program.write_text("1 / 0")
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            duplicate_in_child(own, 0)
        program.write_text("import time; time.sleep(60)")
        monkeypatch.setattr(duplicate_child, "_LIMIT_S", 0.1)
        with pytest.raises(OSError, match=os.strerror(errno.ETIMEDOUT)):
            duplicate_in_child(own, 0)
