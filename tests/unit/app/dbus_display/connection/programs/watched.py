"""Has one end of a connection watched by the guard, and reads it as told. Prints the guard's pid.

``watched.py FD read|read-slowly|ignore|close``.
"""

import socket
import sys
import time

from app.dbus_display.connection.guard import Guard


def _main() -> None:
    connection, what = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    guard = Guard()
    guard.acquire()
    guard.watch(connection)
    print(guard.pid, flush=True)
    if what == "close":
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    while what == "read" and connection.recv(1 << 16):
        pass
    while what == "read-slowly" and connection.recv(1000):
        time.sleep(0.001)
    time.sleep(60)


if __name__ == "__main__":
    _main()
