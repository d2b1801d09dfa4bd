"""Frames of a second kind of source in the commands without a window, which have no code for it."""

import errno
import json
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from app.planes.buffer import MemoryBuffer
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from gl.context import Context
from tests.pushed.session import TARGET, pushed_session
from tests.pushed.source import CURSOR, PushedSource, expected_picture
from tests.unit.qmp_server import until
from tests.window.displays import load_png
from ui.cli.main import main


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, own_context: None) -> PushedSource:
    pushed = PushedSource()
    monkeypatch.setattr("ui.offscreen.open_target", lambda *_, **__: pushed_session(pushed))
    return pushed


@pytest.mark.parametrize("pushes", [0, 3])
@pytest.mark.parametrize("plane", ["composite", "primary"])
def test_screenshot_is_the_pushed_picture(source: PushedSource, tmp_path: Path, pushes: int, plane: str) -> None:
    for _ in range(pushes):
        source.push()
    file = tmp_path / "shot.png"
    assert main(["screenshot", "sim:gvt", "--plane", plane, "-o", str(file)]) == 0
    assert np.array_equal(load_png(file), expected_picture(pushes, cursor=plane == "composite"))
    assert source.shown_frames == [1 + pushes], "the source hears that its frame was read"
    assert source.fileno() == -1


def test_screenshot_of_the_cursor_alone(source: PushedSource, tmp_path: Path) -> None:
    file = tmp_path / "cursor.png"
    assert main(["screenshot", "sim:gvt", "--plane", "cursor", "-o", str(file)]) == 0
    image = load_png(file)
    assert image.shape == (CURSOR, CURSOR, 3)
    assert (image[: CURSOR // 2] == (255, 255, 0)).all()


def test_screenshot_tries_again_what_failed_for_lack_of_memory(
    source: PushedSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else would: an unchanged frame is not looked at again where the source tells of changes."""
    mapping, errors = MemoryBuffer.mapping, [OSError(errno.ENOMEM, "Cannot allocate memory")]

    def fail_once(buffer: MemoryBuffer, start: int, length: int | None) -> AbstractContextManager[memoryview]:
        if errors:
            raise errors.pop()
        return mapping(buffer, start, length)

    monkeypatch.setattr(MemoryBuffer, "mapping", fail_once)
    file = tmp_path / "shot.png"
    assert main(["screenshot", "sim:gvt", "-o", str(file), "--timeout", "10"]) == 0
    assert np.array_equal(load_png(file), expected_picture(0))


def test_screenshot_of_a_screen_that_stays_dark_ends_in_time(
    source: PushedSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.release_buffers()
    assert main(["screenshot", "sim:gvt", "-o", str(tmp_path / "shot.png"), "--timeout", "0.2"]) == 5
    assert "not-started" in capsys.readouterr().err
    assert source.shown_frames == []


def test_inspect_describes_it(source: PushedSource, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["target"], document["state"], document["reason"]) == (TARGET, "showing", "ok")
    assert document["findings"] == []
    primary = document["planes"]["primary"]
    assert (primary["backing"], primary["path"], primary["import_errors"]) == ("memory", "copy", [])
    assert (primary["dmabuf_id"], primary["region_index"], primary["buffer"]["inode"]) == (None, None, None)
    cursor = document["planes"]["cursor"]
    assert (cursor["hot_x"], cursor["hot_y"], cursor["backing"]) == (3, 5, "memory")
    assert document["device"]["type"] == "pushed"
    source.__post_init__()
    assert main(["inspect", "sim:gvt"]) == 0
    assert "memory" in capsys.readouterr().out


def test_watching_begins_at_zero_although_its_message_came_before(
    source: PushedSource, capsys: pytest.CaptureFixture[str]
) -> None:
    source.push()
    assert main(["inspect", "sim:gvt", "--watch", "--json", "--duration", "0.2"]) == 0
    changes = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "primary" in {each.get("plane") for each in changes}
    assert all(each["time_ns"] >= 0 for each in changes)


def test_inspect_counts_its_messages_and_tells_what_was_wrong_with_them(
    monkeypatch: pytest.MonkeyPatch, own_context: None, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = tuple(SeenProblem(each, "640x480") for each in DisplayProblem)
    display = DisplayFacts("map", (("ScanoutMap", 1), ("UpdateMap", 7)), 2, problems=problems)
    monkeypatch.setattr("ui.offscreen.open_target", lambda *_, **__: pushed_session(PushedSource(), display=display))
    assert main(["inspect", "sim:gvt", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["messages"]["received"] == [{"name": "ScanoutMap", "count": 1}, {"name": "UpdateMap", "count": 7}]
    assert {each["key"] for each in document["findings"]} == {each.value for each in DisplayProblem}
    assert main(["inspect", "sim:gvt"]) == 0
    assert "ScanoutMap 1, UpdateMap 7" in capsys.readouterr().out


def test_measured_times_begin_with_the_message_and_there_are_no_polls(
    monkeypatch: pytest.MonkeyPatch, own_context: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, ended = PushedSource(), threading.Event()
    session = pushed_session(source, display=DisplayFacts("dmabuf", acknowledged=True))
    monkeypatch.setattr("ui.offscreen.open_target", lambda *_, **__: session)
    began = time.monotonic_ns()

    def push() -> None:
        while not ended.wait(0.01):
            source.push()

    guest = threading.Thread(target=push)
    guest.start()
    files = [tmp_path / name for name in ("run.json", "rows.csv")]
    try:
        assert main(["measure", "sim:gvt", "--duration", "0.5", "--json", str(files[0]), "--csv", str(files[1])]) == 0
    finally:
        ended.set()
        guest.join()
    document = json.loads(files[0].read_text())
    assert not {"poll_interval", "query", "flip_to_poll", "flip_to_submit"} & document["stages"].keys()
    change = document["stages"]["change_to_submit"]
    assert change["count"] > 0
    assert change["p50_high_us"] - change["p50_low_us"] <= change["p50_us"] / 100 + 0.2, "no band: no poll was before"
    assert (document["polls"], document["flips_seen"]) == (0, 0)
    meta = document["meta"]
    assert (meta["frames"], meta["scanout"], meta["guest_waits"]) == ("pushed", "dmabuf", True)
    text = capsys.readouterr().out
    assert "no polls" in text and "the guest waits" in text and "polls per second" not in text
    rows = [each.split(",") for each in files[1].read_text().splitlines()[2:]]
    changes = [each for each in rows if each[-1] == "change"]
    assert len(changes) == change["count"]
    for row in changes:
        assert began <= int(row[1]) == int(row[2]) <= int(row[7]), "the message came before the picture"
        assert row[4] == row[5] == "NA", "nothing was queried or fetched"


def test_an_interval_of_polls_is_refused(source: PushedSource, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "sim:gvt", "--duration", "0.1", "--poll", "1"]) == 2
    assert "leave --poll out" in capsys.readouterr().err


def test_capture_and_replay_show_what_it_pushed(
    monkeypatch: pytest.MonkeyPatch, own_context: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows are upside down and begin at an offset, which no recorded answer can tell: the pixels are turned."""
    source, file, shot = PushedSource(), tmp_path / "x.mcap", tmp_path / "shot.png"
    source.push()

    def push_after_the_first_was_read() -> None:
        until(lambda: source.shown_frames)
        time.sleep(0.4)
        source.push()

    with monkeypatch.context() as patch:
        patch.setattr("ui.offscreen.open_target", lambda *_, **__: pushed_session(source))
        later = threading.Thread(target=push_after_the_first_was_read)
        later.start()
        try:
            assert main(["capture", "sim:gvt", "-o", str(file), "--duration", "2"]) == 0
        finally:
            later.join()
    assert source.fileno() == -1
    for at, pushes in ((0.1, 1), (1.9, 2)):
        assert main(["screenshot", f"replay:{file},start={at}", "-o", str(shot)]) == 0, capsys.readouterr().err
        assert np.array_equal(load_png(shot), expected_picture(pushes)), at


def test_source_that_is_gone_ends_the_command(
    source: PushedSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source.end()
    assert main(["screenshot", "sim:gvt", "-o", str(tmp_path / "shot.png")]) == 3
    assert "vm-ended" in capsys.readouterr().err
    assert source.fileno() == -1


def test_context_is_left_alone(gl_context: Context) -> None:
    """The fixtures above brought the tests' own context back."""
    assert gl_context.gl.errors() == ()
