"""The Xen guests among the screens of a host."""

import json
from pathlib import Path

import pytest

from app.host.paths import HOST
from app.host.screens import HostScreens
from app.open import host_screens, xen_access
from app.open.host_screens import find_screens, guest_screens
from app.open.target import Default, parse_target, resolve
from tests.unit.hosts import Host
from tests.xen.machine import fake_xen, opened_everywhere
from tests.xen.nodes import DisplayConfig
from ui.cli import list as command
from ui.cli.main import main

TWO = DisplayConfig((("left", 64, 48), ("right", 32, 24)))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    (host.paths.dev / "xen").mkdir(parents=True)
    monkeypatch.setattr(command, "find_screens", lambda _scan: find_screens(host.scan()))
    return host


def test_each_screen_of_a_guest_has_a_target_that_means_it(host: Host) -> None:
    with fake_xen() as xen, opened_everywhere(xen):
        for name, displays in (("web", [TWO]), ("twin", [DisplayConfig()]), ("twin", [DisplayConfig()])):
            xen.create(name, displays)
        xen.create("77", [DisplayConfig(), DisplayConfig()])
        xen.create("no display", [])
        screens = find_screens(host.scan())
    targets = [each.target for each in screens.guests]
    assert targets == [
        "xen:web,connector=0",
        "xen:web,connector=1",
        "xen:2",
        "xen:3",
        "xen:4,device=0",
        "xen:4,device=1",
    ]
    assert all(parse_target(each) for each in targets)
    assert screens.pushed_targets == tuple(targets)


def test_list_shows_guests_and_why_one_cannot_be_shown(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_xen() as xen, opened_everywhere(xen):
        xen.create("web")
        away = xen.create("away")
        xen.tree.write_all([(f"{away.home}/device/vdispl/0/backend-id", "3")])
        assert main(["list"]) == 0
        text = capsys.readouterr().out
        assert main(["list", "--json"]) == 0
        displays = json.loads(capsys.readouterr().out)["displays"]
        assert main(["list", "--targets"]) == 0
        assert capsys.readouterr().out == "xen:web\nxen:away\n"
    assert text.splitlines()[0].split("  ")[0] == "XEN GUEST"
    assert "cannot be shown" in text.splitlines()[2]
    assert [(each["kind"], each["target"], each["domid"], each["width"]) for each in displays] == [
        ("xen", "xen:web", 1, 64),
        ("xen", "xen:away", 2, 64),
    ]
    assert displays[0]["why_not"] is None
    assert "domain 3" in displays[1]["why_not"]


def test_a_guest_whose_name_another_domain_has_is_listed_with_its_number() -> None:
    with fake_xen() as xen, opened_everywhere(xen):
        xen.create("web", [])
        xen.create("web")
        assert [each.target for each in guest_screens(HOST)] == ["xen:2"]


def test_the_only_guest_is_shown_where_no_target_is_given() -> None:
    with fake_xen() as xen, opened_everywhere(xen):
        xen.create("web")
        screens = HostScreens(guests=guest_screens(HOST))
    assert resolve(Default(), (), screens.pushed_targets) == parse_target("xen:web")


@pytest.mark.parametrize("is_dom0", [False, True])
def test_only_the_host_of_the_guests_says_that_it_refuses(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_dom0: bool
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(xen_access, "open_store", denied)
    monkeypatch.setattr(host_screens, "is_dom0", lambda _paths: is_dom0)
    assert main(["list"]) == 0
    captured = capsys.readouterr()
    assert ("only root may read xenstore" in captured.err) is is_dom0
    assert len(captured.err.splitlines()) == int(is_dom0)
