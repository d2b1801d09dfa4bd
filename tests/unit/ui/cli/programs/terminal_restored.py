"""Switches the echo of its terminal (standard input) off, as QEMU does, and has it restored."""

import os
import termios

from ui.cli.terminal import Terminal

os.open(os.ttyname(0), os.O_RDWR)  # now it controls this session
terminal = Terminal()
settings = termios.tcgetattr(0)
settings[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, settings)
terminal.restore()
assert termios.tcgetattr(0)[3] & termios.ECHO
