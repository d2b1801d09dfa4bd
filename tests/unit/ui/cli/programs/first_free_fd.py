"""``mdevview ARGUMENTS``, then opens a file: the exit status is 10 when its number is above the standard ones."""

import os
import sys

from ui.cli.main import main

main(sys.argv[1:])
sys.exit(10 * (os.open(os.devnull, os.O_RDWR) > 2))
