"""Asks for a password for ever, whatever signal it gets: ``ignores_sigterm.py FILE``, which it makes once it does."""

import signal
import sys
import time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).touch()
time.sleep(1000)
