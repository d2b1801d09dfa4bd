"""The document of bench has the published keys, and a case that was not timed is never silently left out."""

from app.measure.bench.bench_cases import BENCH_CASES, BenchCase
from app.measure.bench.bench_document import BenchResult, bench_document, bench_lines
from app.measure.bench.bench_timing import Timing

CASE = BenchCase("cached", 1920, 1080, 64, 64)
TIMING = Timing(90.1234, 120.5, 80.25, 1000)


def test_keys_of_a_case() -> None:
    document = bench_document([BenchResult(CASE, TIMING)], {"kernel": "6.12"})
    assert (document["version"], document["kind"], document["meta"]) == (1, "bench", {"kernel": "6.12"})
    (case,) = document["cases"]
    assert case == {
        "name": "cached",
        "width": 1920,
        "height": 1080,
        "target_width": 64,
        "target_height": 64,
        "p50_us": 90.123,
        "p99_us": 120.5,
        "cpu_us": 80.25,
        "count": 1000,
        "error": None,
    }


def test_a_floor_adds_the_ratio() -> None:
    result = BenchResult(CASE, TIMING, floor_p50_us=45.0617)
    (case,) = bench_document([result], {})["cases"]
    assert (case["floor_p50_us"], case["ratio"]) == (45.062, 2.0)
    assert bench_lines([result])[1].split()[-2:] == ["45.1", "2.00"]
    assert "RATIO" not in bench_lines([BenchResult(CASE, TIMING)])[0]


def test_a_case_that_was_not_timed_is_one_line_with_the_reason() -> None:
    failed = BenchResult(CASE, None, "this EGL display has no EGL_EXT_image_dma_buf_import", floor_p50_us=45.0)
    lines = bench_lines([BenchResult(BenchCase("poll-off"), TIMING), failed])
    (line,) = [each for each in lines if "cached" in each]
    assert line == f"cached into 64x64: not measured: {failed.error}"
    (case,) = bench_document([failed], {})["cases"]
    assert (case["p50_us"], case["p99_us"], case["cpu_us"], case["count"], case["ratio"]) == (None, None, None, 0, None)
    assert case["error"] == failed.error


def test_no_two_cases_are_the_same() -> None:
    assert len(set(BENCH_CASES)) == len(BENCH_CASES)
