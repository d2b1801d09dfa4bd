"""How a plane reached the GPU, or why it did not: for people, and as values for JSON."""

from dataclasses import dataclass
from enum import Enum

from app.planes.status import Status


class ImportMethod(Enum):
    """A way to import a dma-buf, as the import ladder tries them. The values are written to JSON."""

    EXPLICIT = "explicit-modifier"
    IMPLICIT = "no-modifier"
    REINTERPRETED = "reinterpreted"
    EXTERNAL = "external"
    EXPORT = "export"
    """The source has the kernel make the dma-buf. It is in :attr:`Outcome.failures` only: then there is none."""

    BRIDGE = "bridge"
    """Another GPU imports the buffer and hands it over. It is in :attr:`Outcome.failures` only."""


class PixelPath(Enum):
    """How pixels reach the GPU. The values are written to JSON.

    ``BRIDGE``: another GPU, which exported the buffer, imports it, draws it, and hands the pixels over.
    """

    EGL_IMAGE = "egl-image"
    BRIDGE = "bridge"
    COPY = "copy"
    REGION = "region"


class HandOverForm(Enum):
    """How a picture gets from the GPU that exported it to the one that draws. The values are written to JSON."""

    DMABUF = "dma-buf"
    READ_BACK = "read-back"


@dataclass(frozen=True, slots=True)
class BridgeRoute:
    """The way of a picture over another GPU: ``gpu`` is what OpenGL calls it, ``node`` its render node, or "".

    ``reason`` is why the picture is read back by the CPU and not handed over as a dma-buf; empty for a dma-buf.
    """

    node: str
    gpu: str
    form: HandOverForm
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why an import method failed.

    ``egl_error`` is EGL's name of the error, None when EGL reported none. ``may_pass``: the same import may succeed
    later, because memory was short.
    """

    method: ImportMethod
    egl_error: str | None
    message: str
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a surface reached the GPU, or why it did not.

    ``path`` is None when the surface cannot be shown. ``method`` is the import method that succeeded, set only with
    :attr:`PixelPath.EGL_IMAGE` and :attr:`PixelPath.BRIDGE`. ``failures`` are the import methods that failed, in order.
    ``status`` is OK, a degraded reason (the pixels are copied because the import failed) or an error. ``bridge`` is set
    with :attr:`PixelPath.BRIDGE`.
    """

    path: PixelPath | None
    method: ImportMethod | None
    failures: tuple[ImportFailure, ...]
    status: Status
    bridge: BridgeRoute | None = None
