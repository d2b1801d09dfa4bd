"""What inspect tells beside the planes."""

import json

import pytest

from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")


def test_the_screen_that_the_guest_sees_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt,size=1280x800", "--json"]) == 0
    edid = json.loads(capsys.readouterr().out)["device"]["edid"]
    assert (edid["size"], edid["max_size"], edid["max_xres"], edid["max_yres"]) == (128, 128, 1920, 1200)
    assert edid["name"] == "mdevview sim"
    assert (edid["preferred"]["width"], edid["preferred"]["height"]) == (1280, 800)
    assert edid["preferred"]["refresh_hz"] == pytest.approx(60, abs=0.01)
    assert main(["inspect", "sim:gvt,size=1280x800"]) == 0
    assert "'mdevview sim', prefers 1280x800 at 60.00 Hz" in capsys.readouterr().out


def test_a_device_whose_edid_nobody_set_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:mbochs,size=320x200", "--json"]) == 0
    edid = json.loads(capsys.readouterr().out)["device"]["edid"]
    assert (edid["size"], edid["name"], edid["preferred"]) == (0, None, None)
