"""A VM's QMP socket: ``python -m ... PATH MANNER``. It answers as QEMU does, or floods its client for ever.

Each new client is served in the same manner. It prints "listening", "client" for each of them, and "typed" for each
command with input.
"""

import json
import socket
import sys
from collections.abc import Callable

from tests.unit.qmp_server import GREETING, TABLET, Client, Hangup

_ANSWERS = {"query-status": {"status": "running", "running": True}, "query-mice": TABLET}


def serve(client: Client) -> None:
    client.say(GREETING)
    while True:
        message = client.hear()
        if message["execute"] == "input-send-event":
            print("typed", flush=True)
        answer: dict[str, object] = {"return": _ANSWERS.get(message["execute"], {})}
        client.say(answer | ({"id": message["id"]} if "id" in message else {}))


def _flood(data: bytes, *, greeted: bool = True) -> Callable[[Client], None]:
    def flood(client: Client) -> None:
        if greeted:
            client.say(GREETING)
            client.hear()
            client.say({"return": {}})
        while True:
            client.say_bytes(data)

    return flood


_MANNERS = {
    "serve": serve,
    "line without end": _flood(b"x" * (1 << 20), greeted=False),
    "string without end": _flood(b'{"event": "' + b"x" * (1 << 20)),
    "greeting without end": _flood(b'{"QMP": {"version": ' + b"[" * (1 << 20), greeted=False),
    "events": _flood(b'{"event": "STOP"}\r\n' * 4000),
    "large events": _flood(json.dumps({"event": "STOP", "data": {"x": [[]] * 15_000}}).encode() + b"\r\n"),
    "replies to nothing": _flood(b'{"return": {}, "id": "none"}\r\n' * 4000),
    "deep": _flood(b'{"event": ' + b"[" * 60_000 + b"\r\n"),
    "empty lines": _flood(b"\r\n" * 500_000),
}

if __name__ == "__main__":
    path, manner = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(5)
        print("listening", flush=True)
        while True:
            connection = Client(listener.accept()[0])
            print("client", flush=True)
            try:
                _MANNERS[manner](connection)
            except (OSError, Hangup):
                connection.close()
