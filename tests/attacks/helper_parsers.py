"""What root's helper reads: its arguments, and what it is told about a process whose owner chose some of the bytes.

The helper runs here as a module, without its rights and without a look at any process. It gets names of its own for
``os``, ``signal`` and ``open``, so that it changes nothing in the process of the tests.
"""

import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from app.attach import request_text
from app.attach.helper_answer import check_answer
from app.errors import MdevviewError
from tests.packaging.getfd import load_helper

MOST_ARGUMENT = 1 << 17
"""MAX_ARG_STRLEN of the kernel (include/uapi/linux/binfmts.h)."""
MOST_COMMAND_LINE = 1 << 18
_PID, _UID = 4711, 4_000_000_000
_KERNEL_THREAD = 0x00200000

REQUESTS = (
    b"1000\0pid=4711\0user=root\0vm=win10\0fd=12",
    b"0\0pid=4711\0user=?\0vm=?",
    b"1000\0pid=4711\0user=a\0vm=b=c",
    b"1000\0fd=1\0pid=1",
)
# The name of the process, and its command line.
PROCESSES = (
    b"qemu-system-x86\0qemu-system-x86_64\0-name\0guest=win10,debug-threads=on",
    b") S 1 1 1\0qemu\0--name\0a,guest=b,,c",
    b"Uid:\t0\t0\t0\t0\n\0-name\0-name\0x",
    b"\rUid:\t0\t0\t0\t0\0-name\0x",
)
LINKS = (
    b"anon_inode:[vfio-device]",
    b"/tmp/anon_inode:[vfio-device]",
    b"/dev/vfio/devices/vfio0",
    b"/dev/vfio/noiommu-7 (deleted)",
)


@cache
def _helper() -> Any:
    return load_helper()


class _Socket:
    """What the helper answers on its standard input."""

    def __init__(self) -> None:
        self.message = b""

    def sendmsg(self, buffers: list[bytes], *_: object) -> None:
        self.message = b"".join(buffers)


def check_request(data: bytes) -> None:
    """The uid of the user who asks, and the arguments, with NUL between them."""
    uid, *arguments = os.fsdecode(data).split("\0")
    told, said, asked = _Socket(), list[bytes](), list[tuple[int, int | None, tuple[str, str]]]()

    def duplicates(*request: Any) -> tuple[dict[int, int], list[int]]:
        asked.append(request)
        return {5 if request[1] is None else request[1]: 77}, [7]

    module = _helper()
    system = SimpleNamespace(
        environ={"SUDO_UID": uid},
        open=lambda *_: 3,
        umask=lambda _: 0,
        write=lambda _, text: said.append(text),
        O_RDWR=2,
    )
    with mock.patch.multiple(
        module,
        os=system,
        signal=mock.Mock(spec=signal),
        drop_rights=lambda: None,
        client=lambda _: told,
        duplicates=duplicates,
        device_name=lambda _: None,
    ):
        status = module.main(arguments)
    if said:
        assert (status, told.message, asked) == (1, b"", [])
        assert said[0].startswith(b"mdevview-getfd: ") and said[0].count(b"\n") == 1
        return
    assert _is_number(uid)
    assert status == (0 if asked else 1)
    try:
        answer = check_answer(told.message, len(asked), 0, asked[0][1] if asked else None)
    except MdevviewError as error:
        assert str(error).startswith("the helper refused: "), error
        assert not asked
        return
    pid, fd, words = asked[0]
    keys, values = zip(*(each.partition("=")[::2] for each in arguments), strict=True)
    assert keys == (("pid", "user", "vm") if fd is None else ("pid", "user", "vm", "fd"))
    assert (int(values[0]), *values[1:3]) == (pid, *words) and all(map(_is_number, (values[0], *values[3:])))
    assert fd is None or int(values[3]) == fd
    assert 0 <= pid < 1 << 31 and (fd is None or 0 <= fd < 1 << 31)
    assert answer.groups == (7,)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def check_process(data: bytes) -> None:
    """The name and the command line of a process. Only true words are accepted, whatever it calls itself."""
    name, _, line = data.partition(b"\0")
    module = _helper()
    called, user = module.own_name(line[:MOST_COMMAND_LINE]), str(_UID)
    assert called == request_text.own_name(line[:MOST_COMMAND_LINE])
    for word in (called, module.clean(os.fsdecode(data))):
        assert 0 < len(word) <= module.NAME_LENGTH + 3
        assert word == "?" or all(each.isascii() and (each.isalnum() or each in "._+-") for each in word)
    for flags in (0x00400100, 0x00400100 | _KERNEL_THREAD):
        with _files(module, name[:15], line, flags):
            assert _refusal(module, user, called) == (
                f"process {_PID} is no VMM: it belongs to the kernel"
                if flags & _KERNEL_THREAD
                else f"process {_PID} is no VMM: it has no VFIO device open"
            )
            if not flags & _KERNEL_THREAD:
                assert _refusal(module, "0", called) == f"process {_PID} belongs to {user}, not 0"
                assert _refusal(module, user, "x" + called) == (
                    f"process {_PID} calls itself {called}, not {module.clean('x' + called)}"
                )


def _refusal(module: Any, user: str, vm: str) -> str:
    try:
        module.duplicates(_PID, None, (user, vm))
    except module.Refusal as refusal:
        return str(refusal)
    raise AssertionError("the request was accepted")


@contextmanager
def _files(module: Any, name: bytes, line: bytes, flags: int) -> Iterator[None]:
    """The files of /proc, as the kernel writes them (fs/proc/array.c): it escapes the name in one of the two."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    files = {
        "stat": b"%d (%s) S 1 %d %d 0 -1 %d 0 0\n" % (_PID, name, _PID, _PID, flags),
        "status": b"Name:\t%s\nUmask:\t0022\nUid:\t0\t%d\t0\t0\n" % (escaped, _UID),
        "cmdline": line,
    }

    def opened(path: str, mode: str = "r", **options: Any) -> Any:
        data = io.BytesIO(files[path.removeprefix(f"/proc/{_PID}/")])
        return data if "b" in mode else io.TextIOWrapper(data, **options)

    system = SimpleNamespace(pidfd_open=lambda _: 3, close=lambda _: None)
    waiting = SimpleNamespace(poll=lambda: SimpleNamespace(register=lambda *_: None, poll=lambda _: []), POLLIN=1)
    with (
        mock.patch.multiple(module, os=system, select=waiting, vfio_files=lambda _: ([], [])),
        mock.patch.object(module, "open", opened, create=True),
    ):
        yield


def check_link(data: bytes) -> None:
    """Where a fd leads to. A file with a path is a device only if its numbers are those of one."""
    link = os.fsdecode(data.replace(b"\0", b""))
    module = _helper()
    for number in (None, (10, 196), (511, 0)):
        asked: list[str] = []

        def readlink(path: str, told: str = link, asked: list[str] = asked) -> str:
            asked.append(path)
            if path == "/proc/1/fd/3":
                return told
            if path == "/sys/dev/char/511:0/subsystem":
                return "../../class/vfio"
            return "../../class/misc" if path.endswith("/subsystem") else "../../devices/virtual/vfio/7"

        system = SimpleNamespace(readlink=readlink, path=os.path)
        with mock.patch.multiple(module, os=system, device_number=lambda _, number=number: number):
            found = module.vfio_class("/proc/1/fd/3")
        if link == "anon_inode:[vfio-device]":
            assert (found, len(asked)) == (("vfio-dev", ""), 1)
        elif number == (511, 0) and "/vfio" in link:
            assert found == ("vfio", "7")
        else:
            assert found == ("", "")


HELPER_ROWS = (
    ("helper request", check_request, REQUESTS, MOST_ARGUMENT),
    ("helper process", check_process, PROCESSES, MOST_COMMAND_LINE),
    ("helper link", check_link, LINKS, 4096),
)
"""Name, check, seeds, limit."""
