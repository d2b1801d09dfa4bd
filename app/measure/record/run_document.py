"""The JSON document of a measured run. A published key keeps its meaning."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from app.measure.record.recorder import Recorder

_VERSION = 1
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RunTimes:
    """``duration_ns`` is how long it was measured, ``cpu_ns`` the processor time that this process used meanwhile."""

    duration_ns: int
    cpu_ns: int


def run_document(
    picture: dict[str, Any], meta: dict[str, Any], recorder: Recorder, times: RunTimes, *, complete: bool
) -> dict[str, Any]:
    """``picture`` is what ``inspect`` tells at the end of the run. ``complete``: the run had its full time."""
    counters = asdict(recorder.counters)
    polls = counters.pop("polls")
    lost = {} if recorder.flips_lost is None else {"flips_lost": recorder.flips_lost}
    seconds = max(times.duration_ns, 1) / _SECOND
    return {
        **picture,
        "version": _VERSION,
        "kind": "measure",
        "meta": {**meta, **_of_picture(picture)},
        "complete": complete,
        "duration_s": round(seconds, 3),
        "stages": recorder.stages.document(),
        **counters,
        **lost,
        "polls": polls,
        "poll_rate_hz": round(polls / seconds, 1),
        "cpu_percent": round(100 * times.cpu_ns / max(times.duration_ns, 1), 1),
    }


def json_text(document: dict[str, Any]) -> str:
    """The file: one key a line, and one stage a line. One line for each bucket of a histogram would be too many."""
    lines = []
    for key, value in document.items():
        if key == "stages":
            stages = ",\n".join(f"  {json.dumps(name)}: {json.dumps(stage)}" for name, stage in value.items())
            lines.append(f' "stages": {{\n{stages}\n }}')
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _of_picture(picture: dict[str, Any]) -> dict[str, Any]:
    """What a comparison needs to know of the picture and of who draws it."""
    primary, renderer = picture["planes"]["primary"] or {}, picture["renderer"]
    return {
        **{key: primary.get(key) for key in ("width", "height", "fourcc", "modifier", "path")},
        "renderer": renderer["name"],
        "gl_vendor": renderer["vendor"],
        "gl_version": renderer["version"],
        "render_node": renderer["render_node"],
    }
