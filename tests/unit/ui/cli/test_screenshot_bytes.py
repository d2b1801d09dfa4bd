"""``mdevview screenshot --raw, --from-raw, --as, --guess``: bytes of simulated devices to files and back."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PyQt6.QtGui import QImage

from app.planes.buffer import DmaBuffer
from ui.cli.main import main


def pixels(path: Path) -> NDArray[np.uint8]:
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    return np.frombuffer(bytes(bits.asarray(image.sizeInBytes())), np.uint8).reshape(image.height(), image.width(), 4)


@pytest.fixture
def long_lived() -> None:
    """The threads that Qt keeps after it converted a large picture, for 30 seconds without work, and their eventfds."""
    QImage(1024, 1024, QImage.Format.Format_RGB32).convertToFormat(QImage.Format.Format_RGBA8888)


def dump(target: str, folder: Path, *options: str) -> Path:
    path = folder / "plane.raw"
    assert main(["screenshot", target, "--raw", "-o", str(path), *options]) == 0
    return path


@pytest.mark.parametrize("modifier", ["LINEAR", "X", "Y", "Yf"])
def test_a_raw_file_is_the_same_picture_in_every_tiling(modifier: str, tmp_path: Path) -> None:
    raw = dump(f"sim:gvt,modifier={modifier},size=333x77,fps=0", tmp_path)
    linear, tiled = tmp_path / "linear.png", tmp_path / "tiled.png"
    assert main(["screenshot", f"sim:gvt,size=333x77,fps=0,modifier={modifier}", "--as", ":", "-o", str(linear)]) == 0
    assert main(["screenshot", "--from-raw", str(raw), "-o", str(tiled)]) == 0
    assert pixels(tiled).shape == (77, 333, 4)
    assert np.array_equal(pixels(tiled), pixels(linear))


def test_the_files_are_private_and_say_what_they_are(tmp_path: Path) -> None:
    raw = dump("sim:gvt,modifier=X,size=333x77,fps=0", tmp_path)
    document_file = tmp_path / "plane.raw.json"
    for path in (raw, document_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(document_file.read_text())
    assert (document["version"], document["kind"], document["fourcc"]) == (1, "raw", "XR24")
    assert (document["width"], document["height"], document["stride"]) == (333, 77, 1536)
    assert document["modifier_name"] == "INTEL_X_TILED"
    assert document["bytes"] == raw.stat().st_size == 1536 * 80
    assert document["target_kind"]["simulated"] is True


def test_standard_output_gets_the_bytes_alone(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = dump("sim:mdpy,size=320x200", tmp_path)
    assert main(["screenshot", "sim:mdpy,size=320x200", "--raw", "-o", "-"]) == 0
    assert len(capfdbinary.readouterr().out) == raw.stat().st_size >= 320 * 200 * 4
    assert sorted(each.name for each in tmp_path.iterdir()) == ["plane.raw", "plane.raw.json"]


def test_another_reading_of_a_live_plane_and_of_its_file(tmp_path: Path) -> None:
    target, png = "sim:gvt,size=320x200,fps=0", tmp_path / "a.png"
    raw = dump(target, tmp_path)
    for source in ([target], ["--from-raw", str(raw)]):
        assert main(["screenshot", *source, "--as", "C8::64x32:1280", "-o", str(png)]) == 0
        grey = pixels(png)
        rows = np.frombuffer(raw.read_bytes(), np.uint8)[: 32 * 1280].reshape(32, 1280)
        assert np.array_equal(grey[..., 0], rows[:, :64])


def test_a_plane_that_cannot_be_shown_can_be_looked_at(tmp_path: Path) -> None:
    """Its geometry says more than there is, so nothing else shows anything of it."""
    target, png = "sim:gvt,size=320x200,fps=0,fault=truncated", tmp_path / "a.png"
    assert main(["screenshot", target, "-o", str(png), "--timeout", "0.1"]) == 5
    raw = dump(target, tmp_path)
    assert 0 < raw.stat().st_size < 320 * 200 * 4
    assert main(["screenshot", "--from-raw", str(raw), "-o", str(png)]) == 0
    assert pixels(png).shape == (200, 320, 4)


def test_a_short_file_is_shown_with_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, png = dump("sim:gvt,size=320x200,fps=0", tmp_path), tmp_path / "a.png"
    os.truncate(raw, 100 * 1280)
    assert main(["screenshot", "--from-raw", str(raw), "-o", str(png)]) == 0
    assert "128000 of the 256000 bytes of XR24:linear:320x200:1280 are missing" in capsys.readouterr().err
    assert pixels(png)[:100, :, :3].any() and not pixels(png)[100:, :, :3].any()


def test_guess_finds_what_the_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, png = dump("sim:gvt,modifier=Y,size=640x400,fps=0,cursor=off", tmp_path), tmp_path / "a.png"
    (tmp_path / "plane.raw.json").unlink()
    assert main(["screenshot", "--from-raw", str(raw), "--guess", "--best", "3", "-o", str(png)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("XR24:Y:640x416:2560") or lines[1].startswith("XR24:Y:640x400:2560")
    assert len(lines) == 5
    # Qt converts a large image in threads of its own, which stay: this one is not converted.
    assert QImage(str(png)).width() == 640
    assert main(["screenshot", "--from-raw", str(raw), "--guess", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "guess" and len(document["readings"]) == 10
    assert main(["screenshot", "--from-raw", str(raw), "--as", document["readings"][0]["as"], "-o", str(png)]) == 0


def test_the_cpu_may_not_read_every_buffer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with GVT-g: the exporter has no mmap (drivers/gpu/drm/i915/gvt/dmabuf.c)."""

    def refuse(*_arguments: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(DmaBuffer, "mapping", refuse)
    path = tmp_path / "a"
    for options in (["--raw"], ["--as", "XR24"], ["--guess"]):
        assert main(["screenshot", "sim:gvt,size=64x64", *options, "-o", str(path)]) == 1
        said = capsys.readouterr().err
        assert "the CPU may not read the buffer" in said and "ENODEV" in said and "without --raw" in said
        assert not path.exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--raw", "--plane", "composite", "-o", "a"], 2, "the composite has no bytes of its own"),
        (["--raw", "--as", "XR24", "-o", "a"], 2, "goes with none of"),
        (["sim:gvt", "--from-raw", "a", "-o", "b"], 2, "leave out one of them"),
        (["--json", "--raw", "-o", "a"], 2, "leave it out"),
        (["--best", "3", "-o", "a"], 2, "add --guess"),
        (["--as", "XR24:Z", "-o", "a"], 2, "no modifier"),
        (["--from-raw", "/nonexistent", "-o", "a"], 1, "/nonexistent: No such file"),
        (
            ["sim:gvt,size=64x64", "--as", ":INTEL_Y_TILED_CCS", "-o", "a"],
            2,
            "is compressed: Y tiles with render",
        ),
        (["sim:gvt,size=64x64", "--plane", "cursor", "--guess", "--as", ":0x1", "-o", "a"], 1, "cannot undo"),
    ],
)
def test_what_is_refused_has_a_reason(
    options: list[str],
    status: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["screenshot", *options]) == status
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_file_without_a_document_needs_a_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, png = tmp_path / "a.raw", tmp_path / "a.png"
    raw.write_bytes(bytes(range(256)) * 16)
    assert main(["screenshot", "--from-raw", str(raw), "-o", str(png)]) == 1
    assert "the format is not known; give --as" in capsys.readouterr().err
    assert main(["screenshot", "--from-raw", str(raw), "--as", "C8::64x64", "-o", str(png)]) == 0
    (tmp_path / "a.raw.json").write_text('{"version": 9, "kind": "raw"}')
    assert main(["screenshot", "--from-raw", str(raw), "--as", "C8::64x64", "-o", str(png)]) == 1
    assert "was written by a newer mdevview" in capsys.readouterr().err
