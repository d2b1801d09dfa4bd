"""What inspect tells beside the planes."""

import json
from typing import Any

import pytest

from app.planes.frame import Surface
from app.planes.outcome import Outcome
from app.planes.plane import PlaneKind
from app.planes.status import Reason, Status
from gl.renderer import Renderer
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
    assert "'mdevview sim', prefers 1280x800 at 60.00 Hz" in " ".join(capsys.readouterr().out.split())


def test_a_device_whose_edid_nobody_set_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:mbochs,size=320x200", "--json"]) == 0
    edid = json.loads(capsys.readouterr().out)["device"]["edid"]
    assert (edid["size"], edid["name"], edid["preferred"]) == (0, None, None)


def _inspect(target: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], list[str]]:
    """The document, and the lines for people."""
    assert main(["inspect", target, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert main(["inspect", target]) == 0
    return document, capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("importing_context")
def test_a_picture_without_faults_has_no_findings(capsys: pytest.CaptureFixture[str]) -> None:
    document, lines = _inspect("sim:gvt,size=320x200", capsys)
    assert document["findings"] == []
    assert "findings:" not in lines


def test_a_fault_of_the_primary_plane_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    document, lines = _inspect("sim:gvt,size=320x200,cursor=off,fault=truncated", capsys)
    (finding,) = document["findings"]
    assert (finding["key"], finding["severity"]) == ("buffer-truncated", "error")
    assert finding["message"].startswith("primary plane: ")
    assert finding["evidence"] == document["detail"]
    told = lines[lines.index("findings:") + 1 :]
    assert told[0].startswith("  error    primary plane: The buffer is smaller")
    assert any(each.strip() == f"evidence: {document['detail']}" for each in told)
    assert any(each.strip().startswith("remedy: Report it with a recording: mdevview capture ") for each in told)
    assert not any(each.startswith("hint:") for each in lines), "the finding says it already"


@pytest.mark.usefixtures("importing_context")
def test_a_fault_of_the_cursor_plane_is_told_as_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def outcome(renderer: Renderer, surface: Surface) -> Outcome:
        if surface.plane.kind is PlaneKind.CURSOR:
            return Outcome(None, None, (), Status(Reason.UNKNOWN_FORMAT, "fourcc ABCD"))
        return drawn(renderer, surface)

    drawn = Renderer.outcome
    monkeypatch.setattr(Renderer, "outcome", outcome)
    document, lines = _inspect("sim:gvt,size=320x200", capsys)
    assert document["state"] == "showing"
    (finding,) = document["findings"]
    assert (finding["key"], finding["evidence"]) == ("unknown-format", "fourcc ABCD")
    assert finding["message"].startswith("cursor plane: ")
    told = lines[lines.index("findings:") + 1 :]
    assert told[0].startswith("  error    cursor plane: ")
    assert [each.strip() for each in told[-2:]] == ["evidence: fourcc ABCD", "remedy: Please report it."]


@pytest.mark.usefixtures("importing_context")
@pytest.mark.parametrize(
    ("fault", "reason", "detail", "describes"),
    [
        ("cursor-einval", "query-rejected", "EINVAL: Invalid argument", False),
        ("cursor-refused", "fetch-failed", "the driver answers EINVAL", True),
    ],
)
def test_a_cursor_that_the_driver_refuses_has_reason_hint_and_errno(
    fault: str, reason: str, detail: str, describes: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    document, lines = _inspect(f"sim:gvt,size=320x200,hot=4x3,fault={fault}", capsys)
    cursor = document["planes"]["cursor"]
    assert document["state"] == "showing"
    assert (cursor["reason"], cursor["errno"]) == (reason, "EINVAL") and cursor["hint"]
    assert (cursor["width"] is not None) is describes
    assert [each["key"] for each in document["findings"]] == ["cursor-refused"]
    planes = "\n".join(lines[lines.index("planes:") : lines.index("findings:")])
    assert f"{reason}: {detail}" in planes and "cursor is off" not in planes


@pytest.mark.parametrize("profile", ["gvt", "mdpy"])
def test_impossible_planes_are_printed_on_aligned_lines(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    document, lines = _inspect(f"sim:{profile},size=64x64,fault=hostile", capsys)
    assert document["state"] == "error"
    assert all(each == "" or each.isprintable() for each in lines)
    assert max(map(len, lines)) <= 100
    assert "  error    " in "\n".join(lines[lines.index("findings:") :])


def test_buffers_and_regions_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    document, lines = _inspect("sim:gvt,size=320x200,fps=0", capsys)
    primary, cursor = document["buffers"]
    assert (primary["plane"], primary["dmabuf_id"], primary["width"], primary["on_screen"]) == ("primary", 1, 320, True)
    assert (primary["times_shown"], primary["fetches"], primary["hits"]) == (1, 1, 0)
    assert primary["imports"] == (document["planes"]["primary"]["path"] == "egl-image")
    assert cursor["plane"] == "cursor"
    names = {each["index"]: (each["name"], each["type_name"]) for each in document["device"]["regions"]}
    assert names[0] == ("BAR0", None)
    assert names[9] == ("Intel OpRegion", "Intel OpRegion")
    assert names[10] == ("GFX/EDID", "GFX/EDID")
    (bar,) = [each for each in document["device"]["regions"] if each["name"] == "BAR2"]
    assert (bar["access"], bar["sparse_areas"]) == (["read", "write", "mmap"], [{"offset": 1 << 26, "size": 1 << 26}])
    assert document["device"]["flag_names"] == ["reset", "pci"]
    assert any(each.split()[:2] == ["9", "Intel"] for each in lines)


def test_a_device_that_goes_is_no_such_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt,size=320x200,fault=gone@0", "--json"]) == 3
    assert "device-removed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "options", "least", "most"),
    [
        ("sim:mdpy,size=64x64,fps=0", ("--duration", "1.5"), 1.3, 10.0),
        ("sim:gvt,size=64x64,fps=0", ("--duration", "1.5"), 1.3, 10.0),
        # It draws into one buffer, which no answer of the driver tells.
        ("sim:mdpy,size=64x64,fps=20", ("--duration", "1.5"), 0.0, 1.0),
        ("sim:gvt,size=64x64,fps=20,cursor=off", ("--duration", "1.5"), 0.0, 1.0),
    ],
)
def test_how_long_the_picture_is_unchanged(
    target: str, options: tuple[str, ...], least: float, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", target, "--json", *options]) == 0
    assert least <= json.loads(capsys.readouterr().out)["unchanged_s"] <= most


def test_one_look_does_not_know_how_long_the_picture_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "sim:gvt,size=64x64,fps=0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged_s"] is None
    assert main(["inspect", "sim:gvt,size=64x64,fault=off@0", "--json", "--duration", "0.3"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged_s"] is None
