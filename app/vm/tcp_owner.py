"""Connects to a TCP port of a VM, and to no other process.

The command line of a process is a claim: it may name the port of another process, or another host. The kernel tells
which process has the other end of a connection. But before accept() nobody has it. A QMP monitor sends the first
message after it has accepted, so this module waits for that message. It sends nothing before it knows the process.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import error_text
from app.host import proc, tcp_sockets
from app.host.paths import HOST, Paths
from app.qemu.qmp_address import TcpAddress
from app.vm.peer import ConnectionLost
from app.vm.qmp_socket_error import REMEDY

_CONNECT_TIMEOUT_S = 3.0


async def connect_to_vm(address: TcpAddress, owner: int, paths: Paths = HOST) -> socket.socket:
    """A connected, non-blocking socket to the process ``owner``. Waits without limit for its first message.

    Raises OSError for the connection, and ConnectionLost if it is another process or if that cannot be seen.
    """
    host = _listening_host(address, owner, paths)
    connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(connection, (host, address.port))
        await readable(connection.fileno())
        _check_other_end(connection, address, owner, paths)
    except BaseException:
        connection.close()
        raise
    return connection


def _listening_host(address: TcpAddress, owner: int, paths: Paths) -> str:
    """The loopback address at which the VM listens. Raises ConnectionLost."""
    if not address.loopback_hosts:
        raise ConnectionLost(f"its QMP socket {address} may be on another host: {REMEDY}")
    with _folder(address, owner, paths) as folder, proc.open_folder(paths.proc / "self") as own:
        if not tcp_sockets.shares_network(folder, own):
            raise ConnectionLost(f"the QMP socket {address} is in another network namespace")
        for host in address.loopback_hosts:
            if tcp_sockets.listens(folder, host, address.port):
                return host
    raise ConnectionLost(f"process {owner} does not listen at {address}")


async def readable(fd: int) -> None:
    """Wait for the first bytes, or for the end of the connection."""
    loop = asyncio.get_running_loop()
    is_readable = asyncio.Event()
    loop.add_reader(fd, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(fd)


def _check_other_end(connection: socket.socket, address: TcpAddress, owner: int, paths: Paths) -> None:
    """Raises ConnectionLost if another process than ``owner`` has accepted the connection."""
    if not connection.recv(1, socket.MSG_PEEK):
        raise ConnectionLost("the VM's monitor hung up")
    ours, theirs = connection.getsockname()[:2], connection.getpeername()[:2]
    with _folder(address, owner, paths) as folder:
        inode = tcp_sockets.connection_inode(folder, theirs, ours)
        if not tcp_sockets.holds_socket(folder, {inode}):
            raise ConnectionLost(f"the QMP socket {address} belongs to another process than {owner}")


@contextmanager
def _folder(address: TcpAddress, owner: int, paths: Paths) -> Iterator[int]:
    """The folder of the process in /proc. An OSError inside becomes a ConnectionLost."""
    try:
        with proc.open_folder(paths.proc / str(owner)) as folder:
            yield folder
    except PermissionError as error:
        raise ConnectionLost(f"it cannot be seen whether {address} belongs to process {owner}: {REMEDY}") from error
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ConnectionLost(f"process {owner} has ended") from error
    except OSError as error:
        raise ConnectionLost(f"whose the QMP socket {address} is: {error_text(error)}") from error
