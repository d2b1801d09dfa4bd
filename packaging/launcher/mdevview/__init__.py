"""Entry of the installed program.

The wheel holds one directory, ``mdevview/``, with ``app``, ``gl`` and ``ui`` inside, so that no generic name
lands in site-packages. Their import path is still the repository's (``from app.device import ...``), which is
why this directory goes on ``sys.path`` first.
"""

import sys
from pathlib import Path

_HERE = str(Path(__file__).resolve().parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)


def main() -> int:
    """Run the command line; the exit status is returned."""
    from ui.cli.main import main as cli_main  # noqa: PLC0415  (needs the path set above)

    return cli_main()
