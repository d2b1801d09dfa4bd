"""``mdevview ARGUMENTS`` that shows a simulated device whatever the target is: ``python -m ... ARGUMENTS``."""

import sys
from unittest.mock import patch

from app.open.source import Access, Source, open_source
from app.open.target import Simulated, Target
from ui.cli.main import main


def open_simulated(target: Target, access: Access) -> Source:
    return open_source(Simulated("gvt"))


with patch("app.open.source.open_source", open_simulated):
    sys.exit(main(sys.argv[1:]))
