"""Writes a picture as ``screenshot -o FILE`` does, or all but its end: ``python -m ... FILE BYTES [stop]``."""

import os
import sys
from unittest.mock import patch

from ui.cli.main import main
from ui.cli.output_file import write_file


def wait(_fd: int) -> None:
    sys.stderr.write("written\n")
    sys.stderr.flush()
    sys.stdin.read()


def run(_arguments: object) -> int:
    write_file(sys.argv[1], b"\x89PNG" + bytes(int(sys.argv[2]) - 4))
    return 0


with patch("ui.cli.list.run", run), patch("os.fsync", wait if "stop" in sys.argv else os.fsync):
    sys.exit(main(["list"]))
