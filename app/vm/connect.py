"""Connecting to a QMP socket."""

import asyncio
import errno
import os
import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress, socket_name
from app.vm.connect_error import refusal
from app.vm.peer import Lost

# sizeof(sun_path) in unix(7), with the NUL that ends a path.
_SUN_PATH = 108
# A port of this host answers at once, unless a firewall eats what is sent there.
_TCP_PATIENCE_S = 3.0


async def dial(address: QmpAddress, owner: int | None = None) -> socket.socket:
    """A connected socket, which does not block. Raises Lost with the reason.

    With ``owner`` a unix socket must be that process's.
    """
    try:
        if isinstance(address, UnixAddress):
            return _owned(_dial_unix(address), address, owner)
        async with asyncio.timeout(_TCP_PATIENCE_S):
            return await _dial_tcp(address)
    except TimeoutError:
        raise Lost(f"{address} does not answer") from None
    except OSError as error:
        raise Lost(refusal(address, error)) from error


def _dial_unix(address: UnixAddress) -> socket.socket:
    """Connects at once or never: where the line of those who wait is full the kernel says EAGAIN."""
    name = socket_name(address)
    folder = -1
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        if len(name) >= _SUN_PATH and not address.abstract:
            # The path is too long for the kernel, that of the folder's file descriptor is not.
            above, _, base = name.rpartition(b"/")
            folder = os.open(above or b"/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            name = b"/proc/self/fd/%d/%s" % (folder, base)
        connection.connect(name)
    except BaseException:
        connection.close()
        raise
    finally:
        if folder >= 0:
            os.close(folder)
    return connection


def _owned(connection: socket.socket, address: UnixAddress, owner: int | None) -> socket.socket:
    """Raises Lost, with the connection closed, where another process than ``owner`` listens.

    A VM's path may lead to the VM that was started with the same one later, or to whatever a VM of somebody else
    names. The kernel keeps who listened first (SO_PEERCRED in unix(7)); 0 is a process that cannot be seen from here.
    """
    pid, _, _ = struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if owner is not None and pid not in (0, owner):
        connection.close()
        raise Lost(f"the QMP socket {address} is that of another process, {pid}")
    return connection


async def _dial_tcp(address: TcpAddress) -> socket.socket:
    refused: OSError = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    for family, kind, protocol, _, place in await _resolve(address):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, place)
        except OSError as error:
            connection.close()
            refused = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise refused


async def _resolve(address: TcpAddress) -> Sequence[tuple[Any, Any, int, str, Any]]:
    """Raises OSError. A name is looked up on a thread that nobody waits for: a resolver may take half a minute."""
    try:
        return socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        pass
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[tuple[Any, Any, int, str, Any]]] = loop.create_future()

    def look_up() -> None:
        try:
            answer: Any = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answer = error
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, answer)

    def tell(answer: Any) -> None:
        if found.done():
            return
        if isinstance(answer, Exception):
            found.set_exception(OSError(f"the host is unknown: {answer}"))
        else:
            found.set_result(answer)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    return await found
