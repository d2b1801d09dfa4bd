"""What became of a plane on its way to the GPU, in terms that can be shown and written down."""

from dataclasses import dataclass
from enum import Enum

from app.planes.status import Status


class ImportMethod(Enum):
    """A way of importing, see :mod:`gl.importer`. The values are what JSON carries."""

    EXPLICIT = "explicit-modifier"
    IMPLICIT = "no-modifier"
    REINTERPRETED = "reinterpreted"
    EXTERNAL = "external"


class Path(Enum):
    """How pixels reach the GPU. The values are what JSON carries."""

    EGL_IMAGE = "egl-image"
    COPY = "copy"
    REGION = "region"


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why a rung did not hold. ``egl_error`` is EGL's own name of it, None when EGL had no objection."""

    rung: ImportMethod
    egl_error: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a surface.

    ``path`` is None when it cannot be shown at all; ``rung`` is set with :attr:`Path.EGL_IMAGE`. ``failures`` are the
    rungs that failed, in order. ``status`` is OK, a degraded reason (copied although import was wanted) or an error.
    """

    path: Path | None
    rung: ImportMethod | None
    failures: tuple[ImportFailure, ...]
    status: Status
