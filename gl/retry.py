"""When a plane that failed is tried again. A frame on show is drawn many times a second, so each retry waits.

A failure is *passing* when the same call may succeed later: memory was short, or the GPU was busy. Other failures
are certain: an unknown tiling or a missing permission stays what it is, and nothing tries it again.
"""

import errno
from dataclasses import dataclass

from gl.egl_constants import EGL_BAD_ALLOC
from gl.errors import GL_OUT_OF_MEMORY, EglError, GlError

FIRST_PAUSE_NS = 200_000_000
LONGEST_PAUSE_NS = 5_000_000_000

# What the kernel answers for a dma-buf that the CPU may never read: no mmap operation, pages without a file (i915),
# an export without read access (drivers/dma-buf/dma-buf.c, drivers/gpu/drm/i915/gem/i915_gem_dmabuf.c). EFBIG is ours
# (app.planes.staging).
_CERTAIN_ERRNOS = frozenset(
    (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.EBADF, errno.EOPNOTSUPP, errno.EFBIG)
)


@dataclass(frozen=True, slots=True)
class Retry:
    """The next attempt is due at ``due_ns``, ``pause_ns`` after the failure; nanoseconds of the cache's clock."""

    due_ns: int
    pause_ns: int


def next_retry(now_ns: int, previous: Retry | None) -> Retry:
    """The retry after a failure at ``now_ns``. The pause doubles with each failure, up to a limit."""
    pause = FIRST_PAUSE_NS if previous is None else min(2 * previous.pause_ns, LONGEST_PAUSE_NS)
    return Retry(now_ns + pause, pause)


def may_pass(error: Exception) -> bool:
    """Whether what failed with ``error`` may succeed later."""
    if isinstance(error, OSError):
        return error.errno not in _CERTAIN_ERRNOS
    if isinstance(error, GlError):
        return GL_OUT_OF_MEMORY in error.codes
    if isinstance(error, EglError):
        return error.code == EGL_BAD_ALLOC
    return isinstance(error, MemoryError)
