"""Receives and checks a helper's answer, which is one message with fds."""

import array
import json
import re
import socket
from dataclasses import dataclass
from typing import Any

from app.attach.helper_installation import INSTALL
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone
from app.text.clean import clean_line

# The helper has the same limit: more than a VM has, fewer than the kernel passes in one message (SCM_MAX_FD is 253).
MAX_FDS = 64
_MAX_MESSAGE = 1 << 16


@dataclass(frozen=True, slots=True)
class HelperAnswer:
    """``numbers`` are the fds' numbers in their process, in the order of the received fds.

    ``devices`` are the sysfs names of their devices, None where the kernel does not tell them.
    """

    numbers: tuple[int, ...]
    groups: tuple[int, ...]
    devices: tuple[str | None, ...]


_REFUSALS: dict[str, type[MdevviewError]] = {
    "process": ProcessGone,
    "device": NoSuchDevice,
    "rights": PermissionDenied,
}


def receive_answer(connection: socket.socket) -> tuple[bytes, list[int], int]:
    """One message, its fds and the flags of recvmsg(2). Raises BlockingIOError if there is no message yet.

    socket.recv_fds() is not used, because it drops the flag that closes the fds in a child which is started at that
    moment (https://github.com/python/cpython/issues/107898).
    """
    size = socket.CMSG_SPACE(MAX_FDS * 4)
    message, ancillary, flags, _ = connection.recvmsg(_MAX_MESSAGE, size, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return message, fds.tolist(), flags


def check_answer(message: bytes, count: int, flags: int, number: int | None) -> HelperAnswer:
    """The answer to a request for the fd ``number``, or for all fds (None). It came with ``count`` fds.

    Raises the error that the helper answered, and OpenFailed for an invalid answer.
    """
    check_flags(flags)
    answer = parse_answer(message, count)
    if number is not None and answer.numbers != (number,):
        raise unclear("it is about another fd")
    return answer


def check_flags(flags: int) -> None:
    """Raises OpenFailed if the kernel cut the message or its fds."""
    if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
        raise unclear("it was cut short")


def parse_document(message: bytes, count: int) -> dict[str, Any]:
    """The JSON object of a message that came with ``count`` fds. Raises OpenFailed, or the refusal that it is."""
    try:
        document: Any = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise unclear("it is no JSON") from error
    if not isinstance(document, dict):
        raise unclear("it is no object")
    refused = document.get("refused")
    if isinstance(refused, str) and count == 0:
        kind = document.get("kind")
        raise _REFUSALS.get(kind if isinstance(kind, str) else "", PermissionDenied)(
            f"the helper refused: {clean_line(refused)}"
        )
    return document


def parse_answer(message: bytes, count: int) -> HelperAnswer:
    """The answer in a message that came with ``count`` fds. Raises the errors of :func:`check_answer`."""
    document = parse_document(message, count)
    numbers, groups = _integers(document.get("fds")), _integers(document.get("groups"))
    if numbers is None or groups is None:
        raise unclear("it has no lists of numbers")
    if not 0 < count == len(numbers):
        raise unclear(f"it names {len(numbers)} fds and has {count}")
    # A helper of an earlier version says nothing about the devices.
    devices = document.get("devices", [None] * count)
    if not isinstance(devices, list) or len(devices) != count or not all(map(_is_name_or_none, devices)):
        raise unclear("it has no list of names of devices")
    return HelperAnswer(numbers, groups, tuple(devices))


def _is_name_or_none(value: object) -> bool:
    """Whether it is None or can be the name of a device in sysfs: a UUID, a PCI address."""
    return value is None or (isinstance(value, str) and re.fullmatch(r"[\w.:-]{1,128}", value, re.ASCII) is not None)


def _integers(value: object) -> tuple[int, ...] | None:
    """A list of fd or group numbers; None for anything else. A bool is no number."""
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each < 1 << 31 for each in value):
        return None
    return tuple(value)


def unclear(why: str) -> OpenFailed:
    """The error for an answer that is not one of this version's helper."""
    return OpenFailed(f"the helper's answer cannot be understood: {why}", f"install the same version: {INSTALL}")
