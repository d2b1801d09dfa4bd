"""``mdevview capture`` of simulated devices, and what the other commands show of the recording."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

from app.planes.buffer import DmaBuffer
from app.planes.dmabuf import DmaBufInfo, dma_buf_info
from gl.context import Context
from tests.gl.surfaces import memfds_are_copied
from tests.unit.command import MDEVVIEW, REPOSITORY
from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")

Rgba = NDArray[np.uint8]


def _capture(target: str, path: Path, *options: str, duration: str = "0.4") -> None:
    assert main(["capture", target, "-o", str(path), "--duration", duration, *options]) == 0


def _screenshot(target: str, folder: Path, *options: str) -> Rgba:
    path = folder / "shot.png"
    assert main(["screenshot", target, "-o", str(path), *options]) == 0
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    return np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8).reshape(image.height(), image.width(), 4)


def _messages(path: Path, topic: str) -> list[dict[str, Any]]:
    with path.open("rb") as stream:
        return [json.loads(message.data) for _, _, message in make_reader(stream).iter_messages(topics=[topic])]


def _inspected(target: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["inspect", target, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize(
    "spec",
    ["gvt,size=333x77,modifier=Y", "gvt,size=128x96,format=YUYV", "mdpy,size=96x64"],
)
def test_the_recording_shows_the_same_picture_plane_by_plane(spec: str, tmp_path: Path) -> None:
    target, path = f"sim:{spec},fps=0", tmp_path / "a.mcap"
    _capture(target, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for plane in ("composite", "primary", *(("cursor",) if "gvt" in spec else ())):
        expected = _screenshot(target, tmp_path, "--plane", plane)
        assert np.array_equal(_screenshot(f"replay:{path}", tmp_path, "--plane", plane), expected)


def test_inspect_says_the_same_of_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _capture("sim:gvt,size=128x96,fps=0", tmp_path / "a.mcap")
    (fetch, *_) = _messages(tmp_path / "a.mcap", "/fetch")
    live = _inspected("sim:gvt,size=128x96,fps=0", capsys)
    replayed = _inspected(f"replay:{tmp_path / 'a.mcap'}", capsys)
    assert replayed["planes"]["primary"]["buffer"]["inode"] == fetch["inode"]
    for document in (live, replayed):
        for plane in document["planes"].values():
            del plane["buffer"]["inode"]
        for buffer in document["buffers"]:
            del buffer["inode"], buffer["fd"]
        del document["target"], document["device"]["simulated"]
    assert replayed == live


def test_the_exporter_of_the_recording_is_told_whatever_exports_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("app.replay.recording_device.dma_buf_info", _of_i915)
        _capture("sim:gvt,size=64x64,fps=0", tmp_path / "a.mcap")
    assert _inspected(f"replay:{tmp_path / 'a.mcap'}", capsys)["planes"]["primary"]["buffer"]["exporter"] == "i915"


def _of_i915(fd: int) -> DmaBufInfo:
    return replace(dma_buf_info(fd), exporter="i915")


@pytest.mark.parametrize("spec", ["gvt,size=128x96,modifier=X"])
def test_where_the_cpu_may_not_read_the_gpu_does_and_the_file_says_so(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"sim:{spec},fps=0"
    # The CPU can read simulated buffers, and llvmpipe does: only the capture is refused here.
    monkeypatch.setattr("ui.cli.capture_pixels._contents", _refused)
    _capture(target, tmp_path / "a.mcap")
    monkeypatch.undo()
    pixels = _messages(tmp_path / "a.mcap", "/pixels")
    assert {(each["source"], each["why"]) for each in pixels} == {("gpu", "ENODEV: No such device")}
    assert np.array_equal(_screenshot(f"replay:{tmp_path / 'a.mcap'}", tmp_path), _screenshot(target, tmp_path))


def _refused(_buffer: DmaBuffer, _size: int) -> bytes:
    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def test_a_buffer_that_nothing_can_read_stays_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _capture("sim:gvt,size=64x64,fault=read-only", tmp_path / "a.mcap")
    assert {each["source"] for each in _messages(tmp_path / "a.mcap", "/pixels")} == {"unreadable"}
    live = _inspected("sim:gvt,size=64x64,fault=read-only", capsys)["planes"]["primary"]
    replayed = _inspected(f"replay:{tmp_path / 'a.mcap'}", capsys)["planes"]["primary"]
    assert replayed["path"] == live["path"] is None
    assert (replayed["reason"], replayed["detail"]) == (live["reason"], live["detail"])


@pytest.mark.parametrize("spec", ["mdpy,size=96x64,fps=20", "mbochs,size=96x64,fps=20,buffers=1"])
def test_what_the_guest_draws_into_the_shown_buffer_is_recorded(spec: str, tmp_path: Path) -> None:
    _capture(f"sim:{spec}", tmp_path / "a.mcap", duration="1.5")
    contents = {each["content"] for each in _messages(tmp_path / "a.mcap", "/pixels")}
    assert len(contents) >= 4


def test_a_recording_without_pixels_has_none_and_still_shows_what_was_asked(
    gl_context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mcap"
    _capture("sim:gvt,size=64x64,fps=30", path, "--no-pixels")
    with path.open("rb") as stream:
        assert list(make_reader(stream).iter_attachments()) == []
    assert _inspected(f"replay:{path}", capsys)["reason"] == "ok" or memfds_are_copied(gl_context)
    assert (_screenshot(f"replay:{path}", tmp_path, "--plane", "primary")[..., :3] == 0x80).all()


def test_every_nth_picture_is_kept(tmp_path: Path) -> None:
    target = "sim:gvt,size=64x64,fps=50,cursor=off"
    for name, options in (("all", ()), ("some", ("--pixels-every", "5"))):
        _capture(target, tmp_path / name, *options, duration="1")
    kept = {name: len(_contents_of(tmp_path / name)) for name in ("all", "some")}
    assert 0 < kept["some"] < kept["all"] / 2


def _contents_of(path: Path) -> set[str]:
    return {each["content"] for each in _messages(path, "/pixels") if each["content"]}


def test_a_device_that_goes_ends_the_recording_and_its_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mcap"
    _capture("sim:gvt,size=64x64,fault=gone@0.3", path, duration="9")
    assert "device-removed" in capsys.readouterr().out
    assert _messages(path, "/end")[0]["why"] == "gone"
    assert main(["measure", f"replay:{path}", "--duration", "5"]) == 3
    assert "gone: device-removed" in capsys.readouterr().err


def test_names_of_vms_and_users_are_not_in_the_file(tmp_path: Path) -> None:
    _capture("sim:gvt,size=64x64", tmp_path / "a.mcap")
    (context,) = _messages(tmp_path / "a.mcap", "/context")
    assert "holders" not in context["vgpu"] and "claims" not in context["vgpu"]
    assert context["label"] == "sim:gvt,size=64x64"


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capture", "sim:gvt,size=64x64", "-o", "/dev/full", "--duration", "5"]) == 1
    assert capsys.readouterr().err == (
        "mdevview: /dev/full: No space left on device; what was written before can be played\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_capture_that_is_ended_leaves_what_was_captured(
    gl_context: Context, number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mcap"
    command = [sys.executable, "-m", MDEVVIEW, "capture", "sim:gvt,size=64x64,fps=20", "-o", str(path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and not (path.exists() and path.stat().st_size > 20_000):
            time.sleep(0.05)
        # Messages are written each half a second.
        time.sleep(1)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    document = _inspected(f"replay:{path}", capsys)
    assert document["planes"]["primary"]["path"] is not None
    assert document["reason"] == "ok" or memfds_are_copied(gl_context)
    if number is signal.SIGTERM:
        assert process.returncode == 0
        assert _messages(path, "/end")[0]["why"] == "signal"
