"""``mdevview`` from this repository: ``python -m tests.unit.programs.mdevview ARGUMENTS``."""

import sys

from ui.cli.main import main

sys.exit(main(sys.argv[1:]))
