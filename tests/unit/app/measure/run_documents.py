"""Documents of `measure --json` with latencies that we choose, made by the code that makes real ones."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from app.measure.compare.run_file import Run, parse_run
from app.measure.record.stage import Stage

MS = 1_000_000
META = {
    "mdevview_version": "0.1.0",
    "kernel": "6.12.1",
    "driver": "mbochs",
    "width": 1920,
    "height": 1080,
    "modifier": 0,
    "renderer": "llvmpipe",
    "session_type": "wayland",
    "started": "2026-01-02T03:04:05+00:00",
    "options": {"window": False, "duration_s": 10.0},
}


def stage_document(values_ms: Sequence[float], fps: int = 60, error_ms: float = 0) -> dict[str, Any]:
    """A stage with a value for each frame. Each true value lies within the error, to both sides."""
    return _stage_document(tuple(values_ms), fps, error_ms)


@cache
def _stage_document(values_ms: tuple[float, ...], fps: int, error_ms: float) -> dict[str, Any]:
    stage = Stage()
    for number, value in enumerate(values_ms):
        now = number * 1_000_000_000 // fps
        if error_ms:
            stage.record_band(now, round((value - error_ms) * MS), round((value + error_ms) * MS))
        else:
            stage.record(now, round(value * MS))
    return stage.document()


def latencies(seed: int, count: int = 1200, median_ms: float = 8.0) -> list[float]:
    """Independent, with a tail: the 99th percentile is about twice the median."""
    return [float(each) for each in median_ms * np.exp(0.3 * np.random.default_rng(seed).standard_normal(count))]


def document(stages: Mapping[str, Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """Changes to the metadata have names that begin with ``meta_``."""
    meta = {key.removeprefix("meta_"): value for key, value in changes.items() if key.startswith("meta_")}
    other = {key: value for key, value in changes.items() if not key.startswith("meta_")}
    return {
        "version": 1,
        "kind": "measure",
        "target": "vm:win10",
        "meta": META | meta,
        "duration_s": 20.0,
        "complete": True,
        "flips_seen": 1200,
        "cpu_percent": 12.5,
        "stages": stages,
    } | other


def run_of(stages: Mapping[str, Mapping[str, Any]], file: str = "a.json", **changes: Any) -> Run:
    return parse_run(file, json.dumps(document(stages, **changes)).encode())


def write(path: Path, stages: Mapping[str, Mapping[str, Any]], **changes: Any) -> str:
    path.write_text(json.dumps(document(stages, **changes)))
    return str(path)
