"""What `mdevview list` prints on a server with NVIDIA's SR-IOV vGPUs."""

import json
from pathlib import Path

import pytest

from app.host.screens import find_screens
from app.host.wording import of_user
from tests.unit.hosts import Host, Listings
from tests.unit.known_hosts.nvidia_sriov import lay_out
from ui.cli import list as command
from ui.cli.main import main


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    lay_out(host)
    monkeypatch.setattr(command, "find_screens", lambda _scan: find_screens(host.scan()))
    return host


def test_every_vgpu_is_listed_and_no_other_function(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    use = header.index("USE")
    assert [(row.split()[0], row[use:]) for row in rows] == [
        ("0000:41:00.4", "in use by qemu-system-x86 4100 (VM render) by group"),
        (
            "0000:41:00.5",
            f"free, or in use by a process that cannot be seen; perhaps qemu-system-x86 4200{of_user(64055)} (VM cad) "
            "(by its arguments)",
        ),
        ("0000:41:00.6", "free, or in use by a process that cannot be seen"),
        ("0000:81:00.4", "free, or in use by a process that cannot be seen"),
    ]
    assert "nvidia-1152 (NVIDIA L40S-8Q)" in rows[-1]
    # The GPU is full, so its functions list no type.
    assert "nvidia-1154  " in rows[0]


def test_document(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    vgpus = json.loads(capsys.readouterr().out)["vgpus"]
    keys = ("name", "uuid", "type", "type_name", "parent", "driver", "iommu_group", "cdev", "state", "display")
    assert tuple(vgpus[-1][each] for each in keys) == (
        *("0000:81:00.4", None, "nvidia-1152", "NVIDIA L40S-8Q", "0000:81:00.0", "nvidia", 200, "vfio200"),
        *("unknown", "unknown"),
    )
    assert [each["state"] for each in vgpus] == ["in-use", "unknown", "unknown", "unknown"]
    assert [[claim["vm"] for claim in each["claims"]] for each in vgpus] == [[], ["cad"], [], []]


def test_processes_are_walked_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    listings = Listings(host, monkeypatch)
    assert main(["list"]) == 0
    assert listings.walks == 1
    assert set(listings.fds.values()) <= {1}
