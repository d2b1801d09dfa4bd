"""May the lab be skipped? Three states, after drgn's gate for its kernel tests.

MDEVVIEW_LAB unset: run where everything is there, else skip and say what is missing. 0: skip. 1, or CI=true: what is
missing is a failure, so that a machine meant to run the lab cannot pass without having run it.
"""

import os

SKIPPED = 77  # what automake and meson take for "skipped"


class MissingError(Exception):
    """Something the lab needs is not on this machine; the text is one line that names the package or the file."""


def forbidden() -> bool:
    return os.environ.get("MDEVVIEW_LAB") == "0"


def required() -> bool:
    return os.environ.get("MDEVVIEW_LAB") == "1" or (not forbidden() and os.environ.get("CI") == "true")
