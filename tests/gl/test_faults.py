"""Every fault of a simulated device in the commands: state, reason, exit status, and the picture after the fault."""

import json
from pathlib import Path

import pytest

from app.sim.config.fault import FAULT_NAMES, HOST_FAULTS
from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")

# During the fault: inspect's state and reason, and the exit status of screenshot.
LASTING = {
    "query-einval": ("no-signal", "query-rejected", 5),
    "query-efault": ("no-signal", "framebuffer-unmapped", 5),
    "query-enomem": ("no-signal", "out-of-memory", 5),
    "query-enodev": ("no-signal", "not-initialized", 5),
    "get-einval": ("error", "fetch-failed", 5),
    "get-enoent": ("error", "fetch-failed", 5),
    "stale": ("error", "fetch-failed", 5),
    "truncated": ("error", "buffer-truncated", 5),
    "read-only": ("error", "not-readable", 5),
    "off@0": ("no-signal", "plane-off", 5),
    "never-on": ("no-signal", "plane-off", 5),
    "no-display": ("error", "no-display", 5),
}
# These leave a picture; tests/gl/test_picture_facts.py has their findings.
SHOWING = {"one-colour", "frozen", "cursor-einval", "cursor-refused", "cursor-at-edge", "cursor-outside"}
SIZE = "size=320x200"


def test_the_table_names_every_fault_that_lasts() -> None:
    named = {each.partition("@")[0] for each in LASTING}
    assert named | SHOWING | {"gone", "mode", "hostile", "unaligned", *HOST_FAULTS} == set(FAULT_NAMES)


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_has_its_state_reason_and_exit_status(
    fault: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state, reason, status = LASTING[fault]
    target = f"sim:gvt,{SIZE},fault={fault}"
    assert main(["inspect", target, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["reason"]) == (state, reason)
    assert document["hint"]
    shot = tmp_path / "shot.png"
    assert main(["screenshot", target, "-o", str(shot), "--timeout", "0.2"]) == status
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and reason in message
    assert not shot.exists()


def test_a_framebuffer_that_mbochs_cannot_export_is_told_so_and_passes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """As after a reboot of the guest, until it sets its mode. "Invalid argument" would say nothing."""
    shot = tmp_path / "shot.png"
    always = f"sim:mbochs,{SIZE},fault=unaligned"
    assert main(["screenshot", always, "-o", str(shot), "--timeout", "0.2"]) == 5
    message = capsys.readouterr().err
    assert "The driver cannot export this framebuffer. It may pass when the guest sets its mode" in message
    assert "error: fetch-failed, the driver answers EINVAL" in message
    assert "Invalid argument" not in message and not shot.exists()
    assert main(["inspect", always, "--json"]) == 0
    (finding, *_) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["key"] == "fetch-failed" and "starts on a page of memory" in finding["evidence"]
    assert main(["screenshot", f"{always}@0-0.5", "-o", str(shot), "--timeout", "20"]) == 0
    assert shot.exists()


@pytest.mark.parametrize(
    "fault", [*(f"gvt {each.partition('@')[0]}" for each in LASTING), "gvt hostile", "mdpy truncated"]
)
def test_the_picture_returns_when_the_fault_ends(fault: str, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    profile, name = fault.split()
    target = f"sim:{profile},{SIZE},fault={name}@0-0.6"
    assert main(["screenshot", target, "-o", str(shot), "--timeout", "20"]) == 0
    assert shot.exists()


def test_a_device_that_was_removed_is_no_such_device(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    assert main(["screenshot", f"sim:gvt,{SIZE},fault=gone@0", "-o", str(shot)]) == 3
    assert "device-removed" in capsys.readouterr().err


def test_a_region_too_small_for_its_plane_is_truncated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", f"sim:mdpy,{SIZE},fault=truncated", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["reason"] == "buffer-truncated"
    assert document["planes"]["primary"]["region_index"] == 16


def test_mbochs_as_shipped_is_no_black_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """It exports read-only. Where the CPU draws, neither import nor copy works, and the reason says so."""
    assert main(["inspect", f"sim:mbochs,{SIZE},module=mbochs", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["reason"]) == ("error", "not-readable")
    assert document["planes"]["primary"]["import_errors"]
