"""How long the GPU needs for a frame, by the timer queries of GL_EXT_disjoint_timer_query.

A result is there some frames later. It is read when the driver says that it is available, and never waited for. What
a frame costs is two calls to begin and end the query, and one to ask for an older result; nothing is allocated.
"""

import ctypes
import time
from collections.abc import Callable

from gl import api
from gl.context import Context

EXTENSION = "GL_EXT_disjoint_timer_query"

# A display has two or three frames in flight. A driver that needs more gets some frames that are not timed.
_QUERIES = 8


class GpuTimer:
    """Owns a ring of queries of one context, which must be current for every call here.

    ``done`` is called with the number of a frame and its time in nanoseconds. Frames whose times OpenGL calls invalid,
    because the GPU changed its clock or was reset meanwhile, are left out. So are frames while all queries are in use,
    and times that are longer than what has passed since the frame began, by ``clock`` in nanoseconds: llvmpipe tells
    such a time for a query that begins with one framebuffer and ends with another (lp_query.c: it lacks the start).
    """

    def __init__(
        self, context: Context, done: Callable[[int, int], object], clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._gl = context.gl
        self._done = done
        self._clock = clock
        self._names = (ctypes.c_uint * _QUERIES)()
        self._numbers = [0] * _QUERIES
        self._began_ns = [0] * _QUERIES
        # Queries begun and queries read since the start; their difference is in flight.
        self._begun = self._read = 0
        self._open = False
        # Whether the frame that ended last was timed, and has no number yet.
        self._timed = False
        self._available = ctypes.c_uint()
        self._elapsed = ctypes.c_uint64()
        self._disjoint = ctypes.c_int()
        self._available_at = ctypes.addressof(self._available)
        self._elapsed_at = ctypes.addressof(self._elapsed)
        self._disjoint_at = ctypes.addressof(self._disjoint)
        self.available = EXTENSION in context.extensions and self._has_counter()
        """Whether this context can tell times; if not, no call does anything."""
        if self.available:
            self._gl.GenQueriesEXT(_QUERIES, ctypes.addressof(self._names))
            # Reading it clears what was before.
            self._is_disjoint()

    def begin(self) -> None:
        """What is drawn from now on is timed."""
        self._timed = False
        if not self.available or self._open or self._begun - self._read == _QUERIES:
            return
        slot = self._begun % _QUERIES
        self._began_ns[slot] = self._clock()
        self._gl.BeginQueryEXT(api.GL_TIME_ELAPSED_EXT, self._names[slot])
        self._open = True

    def end(self) -> None:
        """All of the frame was drawn."""
        if not self._open:
            return
        self._gl.EndQueryEXT(api.GL_TIME_ELAPSED_EXT)
        self._open = False
        self._timed = True
        self._numbers[self._begun % _QUERIES] = 0
        self._begun += 1

    def assign(self, number: int) -> None:
        """The frame that ended last has this number. Without one, its time is not told."""
        if self._timed:
            self._timed = False
            self._numbers[(self._begun - 1) % _QUERIES] = number

    def collect(self) -> None:
        """Call ``done`` for each result that is available now, in the order of the frames."""
        while self._read < self._begun:
            slot = self._read % _QUERIES
            self._available.value = 0
            self._gl.GetQueryObjectuivEXT(self._names[slot], api.GL_QUERY_RESULT_AVAILABLE_EXT, self._available_at)
            if not self._available.value:
                return
            self._gl.GetQueryObjectui64vEXT(self._names[slot], api.GL_QUERY_RESULT_EXT, self._elapsed_at)
            if self._is_disjoint():
                # The times of all queries that were begun before are invalid.
                for each in range(self._read, self._begun):
                    self._numbers[each % _QUERIES] = 0
            number = self._numbers[slot]
            self._read += 1
            elapsed = self._elapsed.value
            if number and elapsed <= self._clock() - self._began_ns[slot]:
                self._done(number, elapsed)

    def release(self) -> None:
        """Delete the queries; more calls do nothing. Results that were not read are lost."""
        if not self.available:
            return
        if self._open:
            self.end()
        self.available = False
        self._read = self._begun
        self._gl.DeleteQueriesEXT(_QUERIES, ctypes.addressof(self._names))

    def _has_counter(self) -> bool:
        """Some drivers have the extension and a counter of no bits, which means that they cannot tell the time."""
        bits = ctypes.c_int()
        self._gl.GetQueryivEXT(api.GL_TIME_ELAPSED_EXT, api.GL_QUERY_COUNTER_BITS_EXT, ctypes.addressof(bits))
        return bits.value > 0

    def _is_disjoint(self) -> bool:
        self._disjoint.value = 0
        self._gl.GetIntegerv(api.GL_GPU_DISJOINT_EXT, self._disjoint_at)
        return self._disjoint.value != 0
