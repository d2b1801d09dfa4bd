"""Finds the TCP sockets of a process in /proc, as the kernel tells them (net/ipv4/tcp_ipv4.c, tcp4_seq_show).

All functions take the folder fd of ``/proc/PID``, see :mod:`app.host.proc`. ``PID/net`` shows the sockets of the
process's network namespace, whoever owns them. ``PID/fd`` tells which of them the process has open.
"""

import errno
import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from app.host.proc import read

# About a hundred thousand connections.
_MOST_BYTES = 1 << 24
# More fds than the usual hard limit of a process.
_MOST_FDS = 1 << 20
_LISTEN, _ESTABLISHED = b"0A", b"01"
_WILDCARDS = ("0.0.0.0", "::")

Endpoint = tuple[str, int]
"""A numeric address and a port."""


def shares_network(folder: int, own_folder: int) -> bool:
    """Whether both processes are in the same network namespace. Raises OSError if that cannot be seen."""
    return os.readlink("ns/net", dir_fd=folder) == os.readlink("ns/net", dir_fd=own_folder)


def listens(folder: int, host: str, port: int) -> bool:
    """Whether the process has a socket that listens at ``host``, or at all addresses. Raises OSError."""
    inodes: set[int] = set()
    for local in (host, *_WILDCARDS):
        for table, address in _written(local):
            inodes |= _inodes(folder, table, address + b":%04X" % port, rb"0+:0000", _LISTEN)
    return holds_socket(folder, inodes)


def connection_inode(folder: int, local: Endpoint, remote: Endpoint) -> int:
    """The inode of the socket that is connected from ``local`` to ``remote``.

    0 if there is none, and while no process has accepted the connection. Raises OSError.
    """
    for (table, one), (_, other) in zip(_written(local[0]), _written(remote[0]), strict=True):
        ends = (one + b":%04X" % local[1], other + b":%04X" % remote[1])
        if inodes := _inodes(folder, table, *ends, _ESTABLISHED):
            return inodes.pop()
    return 0


def holds_socket(folder: int, inodes: set[int]) -> bool:
    """Whether the process has one of these sockets open. Raises PermissionError if its fds are hidden."""
    wanted = {f"socket:[{each}]" for each in inodes if each}
    return bool(wanted) and any(link in wanted for link in _fd_links(folder))


def _fd_links(folder: int) -> Iterator[str]:
    fd = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        with os.scandir(fd) as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST_FDS:
                    return
                # It may be closed by now.
                with suppress(FileNotFoundError):
                    yield os.readlink(entry.name, dir_fd=fd)
    finally:
        os.close(fd)


def _written(host: str) -> list[tuple[str, bytes]]:
    """The tables in which a socket of this address may be, and the address as it is written there.

    A socket for IPv6 can also have a connection over IPv4.
    """
    if ":" in host:
        return [("net/tcp6", _hex(socket.inet_pton(socket.AF_INET6, host)))]
    mapped = socket.inet_pton(socket.AF_INET6, f"::ffff:{host}")
    return [("net/tcp", _hex(socket.inet_pton(socket.AF_INET, host))), ("net/tcp6", _hex(mapped))]


def _hex(address: bytes) -> bytes:
    """The kernel writes an address as numbers of 32 bits in the order of the machine."""
    return b"".join(b"%08X" % number for number in struct.unpack(f"={len(address) // 4}I", address))


def _inodes(folder: int, table: str, local: bytes, remote: bytes, state: bytes) -> set[int]:
    """The inodes of the sockets with these ends and this state. ``remote`` is a regular expression."""
    try:
        data = read(table, folder, _MOST_BYTES)
    except FileNotFoundError:
        # The kernel has no IPv6.
        return set()
    if len(data) == _MOST_BYTES:
        raise OSError(errno.EFBIG, "this host has too many connections to find the VM's")
    # The number of the line, both ends, the state, five fields, and the inode.
    line = rb"^ *\d+: " + local + b" " + remote + b" " + state + rb"(?: +\S+){5} +(\d+) "
    return {int(each) for each in re.findall(line, data, re.MULTILINE)}
