"""The overlay over the picture: frame rate, latency, path, and a graph of the last seconds.

What it shows is painted into two small textures, the words four times a second at most and the graph ten times, and
neither with every picture. In between, a picture only draws two small textures more.
"""

import logging
import math
import time
from collections.abc import Callable

from app.measure.record.frame_record import FrameRecord
from app.measure.record.picture_rates import Rates
from app.measure.record.recent_frames import RecentFrames, buckets, percentiles
from gl.context import Context
from gl.errors import GlError
from gl.overlay import Overlay
from gl.render_target import RenderTarget
from ui.window.picture.overlay_paint import Pixels
from ui.window.picture.overlay_picture import (
    COLUMNS,
    TEXT_HEIGHT,
    Figures,
    draw_bars,
    graph_background,
    scale_ns,
    text_picture,
)

_log = logging.getLogger(__name__)

_SECOND = 1_000_000_000
_SPAN_S = 8
_TEXT_NS = _SECOND // 4
_GRAPH_NS = _SECOND // 10
# Where few pictures are drawn, each would pay for new words and a new graph. So only one of so many does.
_TEXT_PICTURES = 8
_GRAPH_PICTURES = 4
# From the picture's top-left corner, in device-independent pixels.
_INSET = 12


class FrameOverlay:
    """Shows the records that :meth:`add` gets. ``late_ns`` is the display's refresh interval.

    Its GL objects belong to the context that :meth:`draw` gets. That must be current for :meth:`release`.
    """

    def __init__(self, late_ns: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._late_ns = late_ns
        self._clock = clock
        self._recent = RecentFrames()
        self._overlay: Overlay | None = None
        self._text_ns = self._graph_ns = 0
        # Pictures since each was painted.
        self._text_age, self._graph_age = _TEXT_PICTURES, _GRAPH_PICTURES
        self._background: Pixels | None = None
        self._background_for: tuple[int, float] = (0, 0.0)
        self._failed = False

    def add(self, record: FrameRecord) -> None:
        """A picture was submitted, and all that is known of it is in the record."""
        self._recent.add(record)

    def draw(self, context: Context, target: RenderTarget, ratio: float, path: str) -> None:
        """Draw over what was drawn into the target. A failure of OpenGL is logged, and nothing more is drawn."""
        if self._failed:
            return
        try:
            if self._overlay is None:
                self._overlay = Overlay(context)
            self._update(self._overlay, ratio, path)
            self._overlay.draw(target)
        except GlError as error:
            self._failed = True
            _log.info("the overlay cannot be drawn: %s", error)

    def release(self) -> None:
        """Delete the GL objects; more calls do nothing."""
        overlay, self._overlay = self._overlay, None
        if overlay is not None:
            overlay.release()

    def _update(self, overlay: Overlay, ratio: float, path: str) -> None:
        now = self._clock()
        # With another ratio the pictures have another size, so both are painted anew.
        if ratio != self._background_for[1]:
            self._text_ns = self._graph_ns = 0
            self._text_age, self._graph_age = _TEXT_PICTURES, _GRAPH_PICTURES
        self._text_age += 1
        self._graph_age += 1
        inset = round(_INSET * ratio)
        if now - self._text_ns >= _TEXT_NS and self._text_age >= _TEXT_PICTURES:
            self._text_ns, self._text_age = now, 0
            overlay.set("text", text_picture(self._figures(now, path), ratio), inset, inset)
        if now - self._graph_ns >= _GRAPH_NS and self._graph_age >= _GRAPH_PICTURES:
            self._graph_ns, self._graph_age = now, 0
            overlay.set("graph", self._graph(now, ratio), inset, inset + round(TEXT_HEIGHT * ratio))

    def _figures(self, now: int, path: str) -> Figures:
        columns = self._recent.since(now - _SPAN_S * _SECOND)
        flips = columns.latency[columns.is_flip]
        median, p99 = percentiles(flips if len(flips) else columns.latency, 50, 99)
        stage = "flip to submit" if len(flips) or not columns.is_new.any() else "change to submit"
        rates = Rates(columns.frames_per_second(now), columns.cursor_moves_per_second(now))
        return Figures(rates, path, stage, median, p99)

    def _graph(self, now: int, ratio: float) -> Pixels:
        width_ns = _SPAN_S * _SECOND // COLUMNS
        # Columns begin at multiples of their width, so that a value stays in its column while the graph moves.
        start = (now // width_ns - COLUMNS + 1) * width_ns
        columns = self._recent.since(start)
        low, high = buckets(columns.submit_ns, columns.latency, start, width_ns, COLUMNS)
        # One frame that was very late does not flatten all others: it ends at the top.
        usual = percentiles(high, 97)[0]
        top_ns = scale_ns(self._late_ns if math.isnan(usual) else max(self._late_ns, usual))
        if self._background is None or self._background_for != (top_ns, ratio):
            self._background = graph_background(top_ns, _SPAN_S, ratio)
            self._background_for = (top_ns, ratio)
        return draw_bars(self._background, low, high, top_ns, self._late_ns, ratio)
