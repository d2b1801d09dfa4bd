"""Whether the lab may be skipped: :mod:`tests.gate`, with MDEVVIEW_LAB as its variable."""

from tests import gate

_VARIABLE = "MDEVVIEW_LAB"
SKIPPED = 77  # the exit status that automake and meson take for "skipped"


class MissingError(Exception):
    """This machine lacks something that the lab needs. The text is one line that names the package or the file."""


def forbidden() -> bool:
    return gate.forbidden(_VARIABLE)


def required() -> bool:
    return gate.required(_VARIABLE)
