"""The address where a QMP monitor listens."""

import re
from dataclasses import dataclass

from app.errors import UsageError
from app.text.clean import LONGEST_LINE, clean

_PORT = re.compile(r"[0-9]{1,5}")
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4_LOOPBACK = re.compile(rf"127(?:\.{_BYTE}){{3}}")


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A unix socket. An ``abstract`` name has no file; QEMU pads it with zeros if it is not ``tight``."""

    path: str
    abstract: bool = False
    tight: bool = True

    def __str__(self) -> str:
        """The address as it is shown."""
        return clean(f"@{self.path}" if self.abstract else self.path, LONGEST_LINE)


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port. An empty host means this host."""

    host: str
    port: int

    @property
    def loopback_hosts(self) -> tuple[str, ...]:
        """The numeric loopback addresses that it may mean; empty if it may be on another host.

        No name is looked up: the answer of a resolver may be another host.
        """
        if self.host in ("", "localhost"):
            return ("127.0.0.1", "::1")
        return (self.host,) if self.host == "::1" or _IPV4_LOOPBACK.fullmatch(self.host) else ()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host or 'localhost'}:{self.port}"


QmpAddress = UnixAddress | TcpAddress


def parse_address(text: str) -> QmpAddress:
    """Parse ``PATH``, ``unix:PATH``, ``HOST:PORT`` or ``tcp:HOST:PORT``.

    Text without a scheme is a path if it has a slash or no port. After a scheme, options as in QEMU's ``-qmp``
    (",server=on") are ignored. Raises UsageError for anything else.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "unix":
        address: QmpAddress | None = unix_address(_without_options(rest))
    elif colon and scheme == "tcp":
        address = tcp_address(_without_options(rest))
    else:
        address = (tcp_address(text) if "/" not in text else None) or unix_address(text)
    if address is None:
        raise UsageError(
            f"{text!r} is no QMP socket", "give the path of a unix socket, unix:PATH, HOST:PORT or tcp:HOST:PORT"
        )
    return address


def unix_address(path: str) -> UnixAddress | None:
    """The address of that path; None if it cannot be the path of a file."""
    return UnixAddress(path) if path and "\0" not in path else None


def tcp_address(text: str) -> TcpAddress | None:
    """``HOST:PORT``, with an IPv6 address in brackets or not; None if it has another form."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        return None
    host = host.removeprefix("[").removesuffix("]")
    # No host name has blanks or control characters, and the resolver fails on some of them.
    if not host.isascii() or not host.isprintable() or " " in host or len(host) > 255:
        return None
    return TcpAddress(host, int(port))


def _without_options(text: str) -> str:
    """The part before the first single comma; a doubled comma stands for one comma in it."""
    return text.replace(",,", "\0").partition(",")[0].replace("\0", ",")


def socket_name(address: UnixAddress) -> bytes:
    """``sun_path`` as QEMU makes it from these options (util/qemu-sockets.c)."""
    name = address.path.encode("utf-8", "surrogateescape")
    if not address.abstract:
        return name
    return b"\0" + name if address.tight else (b"\0" + name).ljust(108, b"\0")
