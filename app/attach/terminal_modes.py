"""Puts the terminal back into its modes after a program that asked for a password there."""

import os
import signal
import termios
from contextlib import suppress
from typing import Any


class TerminalModes:
    """The modes that the controlling terminal had when this was made. Owns a fd of it.

    sudo switches the echo off, and may switch off the keys that send signals (raw mode). It restores both when it ends,
    but not while it, or the program that it runs, is stopped.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._modes: list[Any] = []
        with suppress(OSError, termios.error):
            self._fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
            self._modes = termios.tcgetattr(self._fd)

    def restore(self) -> None:
        """Restore the modes if they are others by now, and discard what was typed meanwhile. More calls do nothing."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        # Without this the kernel would stop a program in the background.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTOU,))
        try:
            if self._modes and termios.tcgetattr(fd) != self._modes:
                termios.tcsetattr(fd, termios.TCSAFLUSH, self._modes)
        except termios.error:
            pass  # The terminal was closed.
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(fd)
