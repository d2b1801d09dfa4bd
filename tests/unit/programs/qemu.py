"""A program in QEMU's place: it takes QEMU's options, listens on the QMP socket, and ends as it is told to.

It runs as a copy, under QEMU's name. Beside the copy it writes "report", once it listens, and "report.log", the
commands that it was given. The file "properties" there names the properties of its vfio-pci. "-name" says how it
behaves:

- ``obeys``: it ends at ``system_powerdown``;
- ``stubborn``: neither ``quit`` nor SIGTERM ends it;
- ``ends``: it ends at once, ``wrong``: it fails before it listens;
- anything else: it ends at ``quit`` and at SIGTERM.
"""

import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

_FOLDER = Path(sys.argv[0]).parent
_REPORT = _FOLDER / "report"
_VERSION = {"qemu": {"major": 10, "minor": 0, "micro": 0}, "package": ""}
_ANSWERS: dict[str, Any] = {"query-status": {"status": "running", "running": True}, "query-mice": []}


def main(arguments: list[str]) -> None:
    if arguments == ["-device", "vfio-pci,help"]:
        known = (_FOLDER / "properties").read_text().split()
        sys.stdout.write("vfio-pci options:\n" + "".join(f"  {each}=<str>\n" for each in known))
        return
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    manner = options.get("-name", "")
    if manner == "wrong":
        sys.stderr.write("qemu: -foo: invalid option\n")
        sys.exit(1)
    if manner == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Before anything is opened here.
    fds_of = {fd: _link(fd) for fd in re.findall(r"fd=(\d+)", " ".join(arguments))}
    server = _listen(options["-qmp"])
    _write_report(arguments, fds_of)
    if manner == "ends":
        return
    with _REPORT.with_name("report.log").open("a", buffering=1) as log:
        while True:
            client, _ = server.accept()
            try:
                _serve(client, manner, log)
            except OSError:
                continue


def _link(fd: str) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115


def _listen(option: str) -> socket.socket:
    address = re.match("unix:path=([^,]*)", option)
    assert address is not None
    server = socket.socket(socket.AF_UNIX)
    server.bind(address[1])
    server.listen()
    return server


def _write_report(arguments: list[str], fds: dict[str, str]) -> None:
    """All at once: who sees the file may read it."""
    report = {
        "arguments": arguments,
        "fds": fds,
        "session": os.getsid(0) == os.getpid(),
        "stdin": _link("0"),
    }
    new = _REPORT.with_name("report.new")
    new.write_text(json.dumps(report))
    new.rename(_REPORT)


def _serve(client: socket.socket, manner: str, log: Any) -> None:
    """One connection. Raises OSError when the client hangs up."""

    def send(message: dict[str, Any]) -> None:
        client.send(json.dumps(message).encode() + b"\n", socket.MSG_NOSIGNAL)

    received = ""
    send({"QMP": {"version": _VERSION, "capabilities": []}})
    while True:
        command, received = _next_command(client, received)
        name = command["execute"]
        log.write(name + "\n")
        if name == "quit" and manner == "stubborn":
            continue
        send({"return": _ANSWERS.get(name, {}), "id": command.get("id")})
        if name == "quit" or (name == "system_powerdown" and manner == "obeys"):
            sys.exit(0)


def _next_command(client: socket.socket, received: str) -> tuple[dict[str, Any], str]:
    """The next command and what came after it: there is nothing between two commands."""
    while True:
        try:
            command, end = json.JSONDecoder().raw_decode(received)
            return command, received[end:].lstrip()
        except ValueError:
            data = client.recv(4096)
            if not data:
                raise OSError("hung up") from None
            received += data.decode()


if __name__ == "__main__":
    main(sys.argv[1:])
