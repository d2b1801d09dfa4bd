"""Findings about hosts that lack one thing or another."""

import pytest

from app.diagnosis.finding import Severity
from tests.unit.app.diagnosis.host.examination import examine, finding_of
from tests.unit.hosts import Host, close_folder


def test_host_without_anything_is_no_error(host: Host) -> None:
    findings = examine(host)
    assert Severity.ERROR not in {each.severity for each in findings}
    assert {"vfio", "mdev-parent", "vgpu", "udmabuf", "render-node"} <= {each.key for each in findings}


def test_closed_folder_of_nodes_is_a_finding(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    close_folder(monkeypatch, host.paths.dev / "vfio")
    assert "cannot be opened" in finding_of(host, "vfio-container").message
