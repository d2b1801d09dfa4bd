"""Why a QMP socket could not be connected to."""

import errno
from pathlib import Path

from app.qemu.qmp_address import UnixAddress
from app.vm.qmp_socket_error import connect_error_text


def test_a_socket_that_is_closed_to_the_user_names_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "qmp"
    path.touch(0o600)
    words = connect_error_text(UnixAddress(str(path)), PermissionError(errno.EACCES, "Permission denied"))
    assert words.startswith(f"you have no permission to use the QMP socket {path} (")
    assert words.endswith(" 0600)")
