"""``mdevview bench``: every case runs, and one that cannot is told."""

import json
from pathlib import Path

import pytest

from app.measure.bench.bench_cases import BENCH_CASES, CASE_NAMES
from gl.bench_cases import run_case
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform
from ui.cli.main import main

QUICK = ("--seconds", "0")
# The keys that are published for a case, beside those of the C program.
KEYS = {"name", "width", "height", "target_width", "target_height", "p50_us", "p99_us", "cpu_us", "count", "error"}


@pytest.mark.usefixtures("importing_context", "own_context")
def test_every_case_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.json"
    assert main(["bench", *QUICK, "--json", str(file)]) == 0
    document = json.loads(file.read_text())
    assert (document["version"], document["kind"]) == (1, "bench")
    assert {"mdevview_version", "kernel", "cpu", "renderer"} <= set(document["meta"])
    assert document["meta"]["renderer"]["software"] is True
    assert [each["name"] for each in document["cases"]] == [each.name for each in BENCH_CASES]
    for case in document["cases"]:
        assert set(case) == (KEYS | {"note"} if case["name"] == "bridge" else KEYS)
        assert case["error"] is None, case
        assert 0 < case["p50_us"] <= case["p99_us"] and case["cpu_us"] > 0
    table = capsys.readouterr().out
    assert all(any(line.startswith(name) for line in table.splitlines()) for name in CASE_NAMES)


@pytest.mark.usefixtures("own_context")
def test_only_the_wanted_cases_as_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *QUICK, "--case", "poll", "poll-off", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in document["cases"]] == ["poll-off", "poll"]


def test_a_machine_without_import_is_told_so(gl_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gl_context, "imports_dma_bufs", False)
    results = {each.name: run_case(gl_context, each, 0) for each in BENCH_CASES if each.target_width <= 64}
    without = {name for name, result in results.items() if result.timing is None} - {"bridge"}
    assert without == {"cached", "reimport", "composite"}
    assert {results[name].error for name in without} == {"OpenGL ES has no GL_OES_EGL_image"}
    assert gl_context.imports_dma_bufs is False
    # Over the bridge it needs only a software device, which may be missing beside a GPU.
    bridge = results["bridge"]
    assert (
        bridge.timing is not None
        or bridge.error == "EGL's software device cannot be used: this EGL has no software device"
    )
    assert bridge.timing is not None or not gl_context.software


@pytest.mark.usefixtures("own_context")
def test_buffers_that_no_gpu_imports_are_told_as_such(
    gl_context: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The buffers are memfds, whatever draws; a GPU's driver would answer EGL_BAD_ALLOC."""
    monkeypatch.setattr("gl.context._SOFTWARE", ())
    main(["bench", *QUICK, "--case", "cached", "poll"])
    out = capsys.readouterr().out
    assert "cached into 64x64: not measured: the buffer is a memfd, which only software OpenGL imports" in out


def test_a_bridge_that_is_not_there_says_why(gl_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD999")
    monkeypatch.setattr("gl.bench_cases._EXPORTING", missing)
    case = next(each for each in BENCH_CASES if each.name == "bridge")
    error = run_case(gl_context, case, 0).error
    assert error.startswith("/dev/dri/renderD999 cannot be used: ENOENT"), "what the bench turned off is no reason"


@pytest.mark.usefixtures("own_context")
def test_a_command_that_timed_nothing_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_arguments: object) -> int:
        raise MemoryError

    monkeypatch.setattr("app.measure.bench.bench_device._memfd", no_memory)
    assert main(["bench", *QUICK, "--case", "poll"]) == 1
    assert "poll: not measured: out of memory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--case", "nothing"), "invalid choice: 'nothing'"),
        (("--case",), "expected at least one argument"),
        (("--seconds", "-1"), "no number of seconds"),
        (("--json", ""), "the name is empty"),
        (("sim:gvt",), "unrecognized arguments: sim:gvt"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
