"""``mdevview ARGUMENTS`` that shows a simulated device whatever the target is: ``python -m ... ARGUMENTS``."""

import sys
from unittest.mock import patch

from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import Simulated, Target
from ui.cli.main import main


def open_simulated(target: Target, options: OpenOptions) -> Session:
    return open_target(Simulated("gvt"), options=options)


if __name__ == "__main__":
    with patch("app.open.opening.open_target", open_simulated):
        sys.exit(main(sys.argv[1:]))
