"""Files of runs, which may come from anywhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MdevviewError
from app.measure.compare.run_file import Figure, Run, parse_run, read_run
from tests.unit.app.measure.run_documents import document, latencies, stage_document, write

_STAGES = {"flip_to_submit": stage_document(latencies(1, 200), error_ms=0.5), "query": stage_document([0.1] * 9)}
_WHOLE = json.dumps(document(_STAGES)).encode()


def _error(data: bytes) -> str:
    """What is said of a file, without its name."""
    with pytest.raises(MdevviewError) as raised:
        parse_run("a.json", data)
    assert raised.value.message.startswith("a.json: ")
    return raised.value.message.removeprefix("a.json: ")


def _changed(*path: str, value: Any) -> bytes:
    """The document with one value changed, for a path such as ``stages query count``."""
    whole = json.loads(_WHOLE)
    part = whole
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(whole).encode()


def test_a_run_is_read(tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "a.json", _STAGES))
    stage = run.stages["flip_to_submit"]
    assert (stage.count, sum(count for _, count in stage.histogram)) == (200, 200)
    assert sum(count for block in stage.blocks for _, count in block) == 200
    figure = stage.figures["p50"]
    assert figure.low < figure.value - 400 < figure.value + 400 < figure.high
    assert (run.complete, run.duration_s, run.target) == (True, 20.0, "vm:win10")
    assert (run.meta["options.window"], run.meta["width"], run.meta["modifier"]) == ("no", "1920", "0")
    assert run.counters == {"flips_seen": 1200, "cpu_percent": 12.5}


def test_what_is_not_known_is_left_out() -> None:
    stage = {"count": 3, "p50_us": 100, "p99_us": None, "later": {"x": 1}}
    run = parse_run("a", json.dumps({"version": 1, "kind": "measure", "stages": {"gpu": stage}}).encode())
    assert (run.target, run.duration_s, run.complete, run.meta) == (None, None, True, {})
    assert run.stages["gpu"].figures == {"p50": Figure(100, 100, 100)}
    assert run.stages["gpu"].blocks == ()


def test_a_stage_without_values_is_none() -> None:
    assert "gpu" not in parse_run("a", _changed("stages", "gpu", value={"count": 0, "p50_us": None})).stages


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (_WHOLE[: len(_WHOLE) // 2], "ends in the middle: it was cut, or is still being written"),
        (b'{"version": 1, "kind": "meas', "ends in the middle: it was cut, or is still being written"),
        (b'{"a": 1} x', "is no JSON: Extra data, line 1, column 10"),
        (b"\x89PNG\r\n", "is no text in UTF-8"),
        (b"# mdevview measure csv 1\n", "is a CSV file, with the rows but not the figures of a run"),
        (b"[1]", "the document is no object"),
        (b"[" * 100_000, "has too many levels"),
        (b"1" * 10_000, "is no JSON: Exceeds the limit (4300 digits) for integer string conversion"),
        (b'{"name": "x"}', "is a document of another program, and no run of `mdevview measure`"),
        (b'{"kind": "bench\\u001b[2J"}', "is a document of the kind 'bench?[2J', and no run of `mdevview measure`"),
        (b'{"kind": "measure"}', "has no version"),
        (_changed("version", value=2), "was written by a newer mdevview; this one reads version 1 of such files"),
        (_changed("version", value=10**400), "was written by a newer mdevview"),
        (_changed("stages", value=[]), "stages is no object"),
        (_changed("stages", "Bad Name", value={}), "stages has the name 'Bad Name', which none can have"),
        (_changed("complete", value="yes"), "complete is neither true nor false"),
        (_changed("stages", "query", "count", value=1.5), "stages.query.count is no whole number"),
        (_changed("stages", "query", "count", value=8), "stages.query.histogram has 9 values, but count is 8"),
        (_changed("stages", "query", "p50_us", value=True), "stages.query.p50_us is no number"),
        (_changed("stages", "query", "p50_us", value=-1), "stages.query.p50_us is out of range"),
        (_changed("stages", "query", "p50_us", value=10**400), "stages.query.p50_us is out of range"),
        (_changed("stages", "query", "p50_us", value=float("nan")), "has the value NaN, which is no number"),
        (_changed("stages", "query", "p50_us", value=1e9), "stages.query: p90_us is less than p50_us"),
        (_changed("stages", "query", "p50_low_us", value=1e9), "stages.query: p50_low_us is more than p50_high_us"),
        (_changed("stages", "query", "blocks", value=[[[1, 9, 9]]]), "blocks[0] has a bucket that is no pair"),
        (_changed("stages", "query", "blocks", value=[[[2, 1], [1, 8]]]), "blocks[0] does not ascend"),
        (_changed("stages", "query", "blocks", value=[[[2, 0]]]), "blocks[0] has a bucket of no values"),
        (_changed("stages", "query", "blocks", value=[[[True, 9]]]), "blocks[0] has a bucket that is no number"),
        (_changed("stages", "query", "blocks", value=[[[1, 9.5]]]), "blocks[0] has a bucket that is no number"),
        (_changed("stages", "query", "blocks", value=[[[1e16, 9]]]), "blocks[0] does not ascend"),
        (_changed("stages", "query", "blocks", value=[[]] * 300), "has more than 128 blocks"),
        (_changed("stages", value={f"s{number}": {"count": 0} for number in range(65)}), "has more than 64 stages"),
    ],
)
def test_a_broken_file_is_told_in_one_line(data: bytes, message: str) -> None:
    assert message in _error(data)


def _of_wide_blocks(stages: int, buckets: int) -> bytes:
    """Few bytes but many cells: 128 blocks, and each bucket in one of them only."""
    share = buckets // 128
    blocks = [[[upper, 1] for upper in range(first, first + share)] for first in range(0, buckets, share)]
    stage = {"count": buckets, "p50_us": 1, "p99_us": 9, "blocks": blocks}
    return json.dumps(document({f"s{number}": stage for number in range(stages)})).encode()


def test_the_work_of_a_comparison_has_a_limit() -> None:
    assert "stages.s0.blocks has more than 4096 different buckets" in _error(_of_wide_blocks(1, 4096 + 128))
    assert "has too many buckets in its blocks" in _error(_of_wide_blocks(17, 4096))
    assert len(parse_run("a", _of_wide_blocks(16, 4096)).stages) == 16


def test_a_file_that_does_not_end_is_not_read_to_the_end() -> None:
    with pytest.raises(MdevviewError, match="has more than 32 MiB"):
        read_run("/dev/zero")


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MdevviewError) as raised:
        read_run(name)
    assert raised.value.message.startswith(f"{name}: ")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = st.sampled_from(
    [
        ("version",),
        ("kind",),
        ("target",),
        ("meta",),
        ("meta", "options"),
        ("meta", "driver"),
        ("duration_s",),
        ("complete",),
        ("flips_seen",),
        ("stages",),
        ("stages", "query"),
        *(("stages", "query", key) for key in ("count", "p50_us", "p99_low_us", "max_us", "histogram", "blocks")),
    ]
)


def _parsed(data: bytes) -> Run | None:
    try:
        return parse_run("a.json", data)
    except MdevviewError as error:
        assert str(error).isprintable()
        return None


@given(_PATHS, _VALUES)
def test_any_value_in_any_place_is_read_or_refused(path: tuple[str, ...], value: Any) -> None:
    run = _parsed(_changed(*path, value=value))
    for stage in run.stages.values() if run else ():
        assert stage.count > 0
        assert all(0 <= figure.low <= figure.high for figure in stage.figures.values())
    for text in run.meta.values() if run else ():
        assert text.isprintable()


@given(st.binary(max_size=40), st.integers(0, len(_WHOLE)), st.integers(0, 40))
def test_any_damage_is_read_or_refused(damage: bytes, place: int, removed: int) -> None:
    _parsed(_WHOLE[:place] + damage + _WHOLE[place + removed :])
