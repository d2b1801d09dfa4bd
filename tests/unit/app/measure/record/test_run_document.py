"""The document of a run: the published keys, and a table that agrees with it."""

from pathlib import Path

from app.measure.compare import comparison
from app.measure.record import run_text as run_text_module
from app.measure.record.metadata import cpu_name, metadata
from app.measure.record.recorder import Recorder
from app.measure.record.run_document import RunTimes, run_document
from app.measure.record.run_text import run_text
from app.measure.record.stages import STAGES
from tests.unit.app.measure.records import MS, frame, surface

_COUNTERS = {"flips_seen", "flips_superseded", "cursor_moves", "frames_shown", "repeats"}
_PICTURE = {
    "state": "showing",
    "reason": "ok",
    "target": "sim:gvt",
    "planes": {"primary": {"width": 4, "height": 4, "fourcc": "XR24", "modifier": 0, "path": "copy"}},
    "renderer": {"name": "llvmpipe", "vendor": "Mesa", "version": "OpenGL ES 3.2", "render_node": None},
}


def _run() -> Recorder:
    recorder = Recorder()
    recorder.start(frame(surface(1)))
    for number in range(1, 11):
        at = number * 16 * MS
        flipped = frame(surface(number), before=at - MS, seen=at)
        recorder.polled(at, at + 50_000)
        recorder.found(flipped)
        recorder.drawn(flipped, at + MS, at + 2 * MS)
    recorder.finish()
    return recorder


def test_document_has_the_published_keys() -> None:
    document = run_document(
        _PICTURE, metadata(None, {"window": False}, "now"), _run(), RunTimes(2 * 10**9, 10**9), complete=True
    )
    assert document["version"] == 1 and document["complete"] is True
    assert document.keys() >= _COUNTERS
    assert (document["poll_rate_hz"], document["cpu_percent"], document["duration_s"]) == (5.0, 50.0, 2.0)
    assert document["flips_seen"] == document["frames_shown"] == 10
    flip = document["stages"]["flip_to_submit"]
    assert (flip["count"], flip["p50_low_us"] <= 2500 <= flip["p50_high_us"]) == (10, True)
    assert document["meta"]["renderer"] == "llvmpipe" and document["meta"]["width"] == 4
    assert document["stages"]["poll_interval"]["count"] == 9
    assert "gpu" not in document["stages"], "what was not measured has no figures"


def test_document_of_a_run_without_a_picture_can_be_made() -> None:
    picture = _PICTURE | {"planes": {"primary": None}, "state": "no-signal", "reason": "plane-off"}
    document = run_document(picture, {}, Recorder(), RunTimes(0, 0), complete=False)
    assert document["stages"] == {} and document["meta"]["width"] is None
    text = run_text(document)
    assert "flips seen: 0" in text and "at the end there was no picture (no-signal: plane-off)" in text


def test_table_has_the_figures_in_milliseconds() -> None:
    text = run_text(run_document(_PICTURE, {}, _run(), RunTimes(10**9, 10**8), complete=True))
    (line,) = [each for each in text.splitlines() if each.startswith("flip to submit")]
    assert 2.49 < float(line.split()[3]) < 2.51 and line.split()[-1] == "10"
    assert "no picture" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_each_stage_has_a_label_and_a_place_in_a_comparison() -> None:
    assert set(run_text_module._LABELS) == set(comparison._ORDER) == set(STAGES)


def test_name_of_the_processor_is_read_with_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Fast: CPU\n")
    assert cpu_name(file) == "Fast: CPU"
    file.write_text("x" * (1 << 20) + "\nmodel name: late\n")
    assert cpu_name(file) is None
    assert cpu_name(tmp_path / "missing") is None
