"""What inspect --watch tells of simulated devices, and when it ends."""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")

# Only against a hang.
_LONG_S = 20.0


def _watched(target: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    assert main(["inspect", target, "--watch", "--json", *options]) == 0
    return [json.loads(each) for each in capsys.readouterr().out.splitlines()]


def _kinds(changes: list[dict[str, Any]], plane: str | None = "primary") -> list[str]:
    return [each["kind"] for each in changes if each["plane"] == plane]


def test_the_start_the_planes_their_buffers_and_paths_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    changes = _watched("sim:gvt,size=64x64,fps=0", capsys, "--duration", "0.6")
    start = changes[0]
    assert (start["kind"], start["version"], start["target"]) == ("start", 1, "sim:gvt,size=64x64,fps=0")
    assert [each["time_ns"] for each in changes] == sorted(each["time_ns"] for each in changes)
    assert sorted(_kinds(changes)) == ["fetched", "path", "plane"]
    assert sorted(_kinds(changes, "cursor")) == ["fetched", "path", "plane"]
    (path,) = [each for each in changes if each["kind"] == "path" and each["plane"] == "primary"]
    assert path["path"] in ("egl-image", "copy")
    assert start["wall"][:4].isdigit() and start["wall"][23] in "+-"


def test_a_mode_switch_tells_size_and_stride(capsys: pytest.CaptureFixture[str]) -> None:
    changes = _watched("sim:gvt,size=128x64,fps=30,cursor=off,fault=mode@1-2/2", capsys, "--duration", "6")
    sizes = [(each["previous_width"], each["width"]) for each in changes if each["kind"] == "size"]
    assert set(sizes) == {(128, 96), (96, 128)}
    assert "stride" in _kinds(changes)


def test_failed_queries_and_the_end_of_the_device_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    target = "sim:gvt,size=64x64,fault=query-einval@1-2/2+gone@6"
    changes = _watched(target, capsys, "--duration", str(_LONG_S))
    states = [each for each in changes if each["kind"] == "state"]
    assert {"showing", "no-signal"} == {each["state"] for each in states}
    failed = next(each for each in states if each["reason"] == "query-rejected")
    assert failed["detail"].startswith("EINVAL")
    assert "off" in {each["text"].split()[1] for each in changes if each["kind"] == "plane"}
    (end,) = [each for each in changes if each["kind"] == "end"]
    assert end["reason"] == "device-removed"
    released = [each for each in changes if each["kind"] == "released"]
    assert released and all(each["time_ns"] >= end["time_ns"] for each in released)


def test_a_hostile_guest_does_not_fill_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt,size=64x64,fps=1000,fault=hostile", "--watch", "--duration", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 3 < len(lines) < 150, "it flips a thousand times a second, and has another impossible plane five times"
    assert all(each.isprintable() for each in lines)


def test_a_duration_without_watch_counts_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt,size=64x64,fps=60,buffers=3", "--duration", "1.5", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    primary = [each for each in document["buffers"] if each["plane"] == "primary"]
    assert len(primary) == 3 and sum(each["on_screen"] for each in primary) == 1
    assert all(each["fetches"] == 1 for each in primary)
    assert sum(each["times_shown"] for each in primary) == sum(each["hits"] for each in primary) + 3
    assert any(each["hits"] for each in primary)
    assert {each["imports"] for each in primary} == {1 if document["planes"]["primary"]["path"] == "egl-image" else 0}


@contextmanager
def _command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process, which has printed its first line."""
    program = "import sys; from ui.cli.main import main; sys.exit(main(sys.argv[1:]))"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program, *arguments], **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout
            assert select.select([process.stdout], [], [], _LONG_S)[0]
            process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_0(number: signal.Signals) -> None:
    with _command("inspect", "sim:mdpy,size=64x64", "--watch") as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=_LONG_S)
        assert (process.returncode, errors) == (0, "")


def test_a_reader_that_goes_ends_it_quietly_although_nothing_changes() -> None:
    with _command("inspect", "sim:mdpy,size=64x64,fps=0", "--watch") as process:
        assert process.stdout and process.stderr
        # The last line for a guest that changes nothing.
        while "finding region-only" not in (line := process.stdout.readline()):
            assert line
        process.stdout.close()
        assert process.wait(_LONG_S) == 1
        assert process.stderr.read() == ""


def test_findings_are_told_with_evidence_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """mbochs as shipped: its buffers can neither be imported by a CPU renderer nor copied."""
    changes = _watched("sim:mbochs,size=64x64,module=mbochs", capsys, "--duration", "1.5")
    found = {each["key"]: each for each in changes if each["kind"] == "finding"}
    assert "copy-impossible" in found
    assert found["copy-impossible"]["evidence"] and found["copy-impossible"]["remedy"]
    (path,) = [each for each in changes if each["kind"] == "path"]
    assert path["path"] is None
