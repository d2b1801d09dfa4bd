"""What a shell offers for a TARGET that is being typed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens
from app.host.vgpu import Holder, Vgpu
from app.host.vm import Vm
from app.sim.config.spec import _PARSERS, parse_spec
from app.sim.config.spec_words import CHOICES, KEYS, ONLY, PROFILES
from tests.unit.hosts import qemu
from ui.cli.target_words import targets

VALUES = {
    "format": "XR24",
    "size": "640x480",
    "fps": "30",
    "buffers": "2",
    "stride": "8192",
    "hot": "1x1",
    "fault": "off",
    **{key: values[0] for key, values in CHOICES.items()},
}
HOST = (
    Vgpu(
        "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
        holders=(Holder(50, "qemu", 9, "Win 10", None), Holder(60, "kvm", 9, "Win11", None, vm_id="105")),
        claims=(Holder(70, "qemu", None, "cad", None),),
    ),
)


def _host() -> HostScreens:
    return HostScreens(HOST)


def _no_scan() -> HostScreens:
    raise AssertionError("the host is not looked at for this")


def test_words_are_those_of_the_parser() -> None:
    assert tuple(_PARSERS) == KEYS
    assert {*ONLY, *CHOICES} <= {*KEYS}


@given(st.sampled_from(PROFILES), st.lists(st.sampled_from(KEYS), unique=True), st.data())
def test_offered_keys_and_values_make_a_simulated_device(profile: str, keys: list[str], data: st.DataObject) -> None:
    """What was accepted word by word is accepted as a whole."""
    spec = profile
    for key in keys:
        offered = targets(f"sim:{spec},", _no_scan)
        wanted = f"sim:{spec},{key}="
        assert (wanted in offered) == (ONLY.get(key, profile) == profile)
        if wanted in offered:
            values = [each.removeprefix(wanted) for each in targets(wanted, _no_scan)] or [VALUES[key]]
            # Tilings have no layout for every format, and simulated drivers refuse values that the real ones lack.
            value = VALUES[key] if key in ("format", "modifier", "cursor") else data.draw(st.sampled_from(values))
            spec += f",{key}={value}"
    parse_spec(spec.replace("cursor=on,", "").removesuffix(",cursor=on"))


def test_key_that_is_given_is_not_offered_again() -> None:
    assert targets("sim:gvt,fps=30,fp", _no_scan) == []


def test_several_faults_are_offered_one_after_the_other() -> None:
    assert targets("sim:mdpy,fault=frozen+vm-p", _no_scan) == ["sim:mdpy,fault=frozen+vm-paused"]


@pytest.mark.parametrize(
    ("start", "offered"),
    [
        ("83B8", [HOST[0].name]),
        ("vm:", ["vm:105", "vm:Win11", "vm:cad"]),
        ("vm:W", ["vm:Win11"]),
        ("pid:", ["pid:50", "pid:60", "pid:70"]),
        ("si", ["sim:gvt", "sim:mbochs", "sim:mdpy"]),
        ("r", ["replay:"]),
        ("", [HOST[0].name, "vm:105", "vm:Win11", "vm:cad", "sim:gvt", "sim:mbochs", "sim:mdpy", "replay:"]),
        ("nothing", []),
    ],
)
def test_host_and_kinds_of_targets_are_offered(start: str, offered: list[str]) -> None:
    """A name with a space would be two words for a shell."""
    assert targets(start, _host) == offered


def test_vms_with_a_dbus_display_are_offered_by_the_target_that_opens_them() -> None:
    def display(pid: int, name: str, number: str | None = None, is_only_one: bool = True) -> DbusDisplay:
        return DbusDisplay(Vm(pid, "qemu", name, (*qemu(name),), id=number), p2p=True, is_only_one=is_only_one)

    with_vgpu = display(50, "cad")
    host = HostScreens(
        (Vgpu("0000:41:00.4", holders=(Holder(50, "qemu", 9, "cad", None),)),),
        (with_vgpu, display(60, "web", "105"), display(70, "twin", is_only_one=False), display(80, "$(id)")),
    )
    assert targets("vm:", lambda: host) == ["vm:cad", "vm:cad,console=0", "vm:105", "vm:web"]
    assert targets("pid:", lambda: host) == ["pid:70", "pid:50", "pid:60", "pid:80"]


def test_recordings_and_folders_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("black.mcap", "black.txt", "$(x).mcap", ".hidden.mcap"):
        (tmp_path / name).touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/b.mcap").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert targets("replay:", _no_scan) == ["replay:black.mcap", "replay:runs/"]
    assert targets("replay:runs/", _no_scan) == ["replay:runs/b.mcap"]
    assert targets(f"replay:{tmp_path}/bl", _no_scan) == [f"replay:{tmp_path}/black.mcap"]
    assert targets("replay:~/ru", _no_scan) == ["replay:~/runs/"]
    assert targets("replay:missing/", _no_scan) == []
    assert targets("replay:\0", _no_scan) == []
