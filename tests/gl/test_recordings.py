"""A recording that was made on a real driver (mbochs_rw of Linux 6.12, a QEMU whose BIOS draws) still replays.

Its picture was compared in the lab with what an independent program read from the device
(tests/lab/inside/program/test_capture.py, which makes such files).
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtGui import QImage

from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")

_FOLDER = Path(__file__).parent / "recordings"


def _pixels(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = QImage(str(file)).convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    return np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8).reshape(image.height(), image.width(), 4)


def test_the_picture_of_a_real_vm_comes_out_of_its_recording(tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    assert main(["screenshot", f"replay:{_FOLDER / 'seabios.mcap'}", "-o", str(shot)]) == 0
    expected = _pixels(_FOLDER / "seabios.png")
    assert np.ptp(expected[..., :3]) > 0
    np.testing.assert_array_equal(_pixels(shot), expected)


def test_the_device_of_a_real_vm_is_told_from_its_recording(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--json", f"replay:{_FOLDER / 'seabios.mcap'}"]) == 0
    told = json.loads(capsys.readouterr().out)
    plane = told["planes"]["primary"]
    assert (plane["width"], plane["height"], plane["fourcc"], plane["buffer"]["exporter"]) == (
        1024,
        768,
        "XR24",
        "mbochs_rw",
    )
    assert (told["device"]["type"], told["device"]["module"]) == ("mbochs_rw-small", "mbochs_rw")
    assert told["device"]["edid"]["max_size"] == 1024
    assert "vm-paused" in [each["key"] for each in told["findings"]]


def test_what_a_recording_lacks_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is cut, and one without pixels: that grey stands for these is no fault of the guest."""
    whole, cut = tmp_path / "whole.mcap", tmp_path / "cut.mcap"
    assert main(["capture", "sim:gvt,size=64x64", "--no-pixels", "--duration", "0.3", "-o", str(whole)]) == 0
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    for file, expected in ((whole, {"pixels-left-out"}), (cut, {"pixels-left-out", "recording-damaged"})):
        capsys.readouterr()
        assert main(["inspect", "--json", f"replay:{file}"]) == 0
        keys = {each["key"] for each in json.loads(capsys.readouterr().out)["findings"]}
        assert keys & {"pixels-left-out", "recording-damaged", "one-colour"} == expected
