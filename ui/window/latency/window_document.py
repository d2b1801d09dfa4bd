"""The document of what was measured in a window, with the same keys as that of a run without one."""

import time
from collections.abc import Mapping
from typing import Any

from PyQt6.QtGui import QGuiApplication

from app.measure.record.metadata import frames_metadata, metadata
from app.measure.record.recorder import Recorder
from app.measure.record.run_document import RunTimes, run_document
from ui.window.picture.picture_window import PictureWindow


def window_document(
    picture: PictureWindow, recorder: Recorder, wanted_ns: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``recorder`` counted from its start until now, complete if that took ``wanted_ns`` nanoseconds.

    ``meta.presentation`` tells who tells presentation times
    (:class:`ui.window.picture.frame_times.PresentationSource`), ``meta.presentation_clock`` the compositor's clock,
    ``meta.presentation_counts`` the compositor's answers. ``meta.options`` has ``options`` and what is drawn where.
    Raises GlError.
    """
    times, screen, session = picture.times, picture.screen(), picture.session
    start = times.start
    measured = RunTimes(time.monotonic_ns() - start.ns, time.process_time_ns() - start.cpu_ns)
    width, height = picture.drawn_size
    drawing = {
        "window": True,
        "platform": QGuiApplication.platformName(),
        "refresh_hz": round(screen.refreshRate(), 3) if screen is not None else None,
        "draw_width": width,
        "draw_height": height,
    }
    meta = metadata(session.vgpu if session is not None else None, drawing | dict(options), start.date) | {
        "presentation": times.presentation_source,
        "presentation_clock": times.presentation_clock,
        "presentation_counts": dict(times.presentation_counts),
    }
    if session is not None:
        meta |= frames_metadata(session.display_facts(), polled=not session.source.tells_damage)
    return run_document(picture.inspect(), meta, recorder, measured, complete=measured.duration_ns >= wanted_ns)
