"""Connects to a QMP socket."""

import asyncio
import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.host import foreign_path_program
from app.host.foreign_path import LIMIT_S, connect_in_child, is_foreign
from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress, socket_name
from app.vm.peer import ConnectionLost
from app.vm.qmp_socket_error import connect_error_text
from app.vm.tcp_owner import connect_to_vm, readable

# A port of this host answers at once, except if a firewall drops the packets.
_TCP_TIMEOUT_S = 3.0
# QEMU's backlog has room for two clients that wait (socket_listen() of char-socket.c: 1, and the kernel adds one).
_BACKLOG_TIMEOUT_S = 1.5
_BACKLOG_STEP_S = 0.05

_AddressInfo = Sequence[tuple[Any, Any, int, str, Any]]


async def connect(address: QmpAddress, owner: int | None = None) -> socket.socket:
    """A connected, non-blocking socket. Raises ConnectionLost with the reason.

    If ``owner`` is given, that process must be at the other end, and a port must be one of this host.
    """
    try:
        if isinstance(address, UnixAddress):
            return _checked_owner(await _connect_waiting(address, owner), address, owner)
        if owner is not None:
            return await connect_to_vm(address, owner)
        async with asyncio.timeout(_TCP_TIMEOUT_S):
            return await _connect_tcp(address)
    except TimeoutError:
        raise ConnectionLost(f"{address} does not answer") from None
    except OSError as error:
        raise ConnectionLost(connect_error_text(address, error)) from error


async def _connect_waiting(address: UnixAddress, owner: int | None) -> socket.socket:
    """Like :func:`_connect_unix`, but wait a short while for a place in a full backlog."""
    end = time.monotonic() + _BACKLOG_TIMEOUT_S
    while True:
        try:
            return await _connect_unix(address, owner)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
        await asyncio.sleep(_BACKLOG_STEP_S)


async def _connect_unix(address: UnixAddress, owner: int | None) -> socket.socket:
    """Connects or fails without waiting. A path that another user's process has named may lead anywhere."""
    if owner is None or address.abstract or not is_foreign(owner):
        return foreign_path_program.connect(socket_name(address))
    try:
        with connect_in_child(address.path) as child:
            async with asyncio.timeout(LIMIT_S):
                await readable(child.fileno())
            _, fd = child.receive(0)
    except TimeoutError as error:
        raise ConnectionLost(connect_error_text(address, error, "")) from None
    except OSError as error:
        raise ConnectionLost(connect_error_text(address, error, "")) from error
    if fd is None:
        raise ConnectionLost(f"{address} does not answer")
    connection = socket.socket(fileno=fd)
    connection.setblocking(False)
    return connection


def _checked_owner(connection: socket.socket, address: UnixAddress, owner: int | None) -> socket.socket:
    """Closes the connection and raises ConnectionLost if another process than ``owner`` listens.

    Another VM may have taken over the path, or another user's VM may name any path. The kernel remembers the process
    that called listen() (SO_PEERCRED in unix(7)). It returns 0 for a process outside of this PID namespace.
    """
    pid, _, _ = struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if owner is not None and pid != owner:
        connection.close()
        other = f"another process, {pid}" if pid else "a process that cannot be seen from here"
        raise ConnectionLost(f"the QMP socket {address} belongs to {other}")
    return connection


async def _connect_tcp(address: TcpAddress) -> socket.socket:
    last_error: OSError = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    for family, kind, protocol, _, place in await _resolve(address):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, place)
        except OSError as error:
            connection.close()
            last_error = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise last_error


async def _resolve(address: TcpAddress) -> _AddressInfo:
    """The addresses of a host. A name is resolved on a daemon thread, which may take half a minute. Raises OSError."""
    try:
        return socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        pass
    loop = asyncio.get_running_loop()
    result: asyncio.Future[_AddressInfo] = loop.create_future()

    def resolve() -> None:
        try:
            info: Any = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            info = error
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(set_result, info)

    def set_result(info: Any) -> None:
        if result.done():
            return
        if isinstance(info, Exception):
            result.set_exception(OSError(f"the host is unknown: {info}"))
        else:
            result.set_result(info)

    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    return await result
