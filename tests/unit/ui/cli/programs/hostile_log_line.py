"""``mdevview -v list`` where a log line has control characters in it."""

import logging
from unittest.mock import patch

from ui.cli.main import main


def log(_: object) -> int:
    logging.getLogger("app.vm").info("VM %s", "a\x1b[2J\nb")
    return 0


with patch("ui.cli.list.run", log):
    main(["-v", "list"])
