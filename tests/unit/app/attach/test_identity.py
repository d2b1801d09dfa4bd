"""Telling the devices of one VM apart, where nothing names them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abi import vfio
from app.attach.identity import (
    DeviceTraits,
    Match,
    SysfsTraits,
    compatible,
    match_devices,
    read_device_traits,
    read_sysfs_traits,
)
from app.device.gfx_plane import DisplayOffer
from app.host.discovery import discover
from app.host.drivers import KnownDisplay
from tests.unit.hosts import DEVICE_FD, UUID_A, UUID_B, Host
from tests.unit.scripted import memfd
from tests.unit.vms import device_of

PCI = vfio.VFIO_DEVICE_FLAGS_PCI
_DISPLAYS = {
    KnownDisplay.DMABUF: DisplayOffer(dmabuf=True, region=False),
    KnownDisplay.REGION: DisplayOffer(dmabuf=False, region=True),
    KnownDisplay.NONE: DisplayOffer(dmabuf=False, region=False),
}


@st.composite
def _devices(draw: st.DrawFn) -> tuple[SysfsTraits, DeviceTraits]:
    """A device of which sysfs tells more or less."""
    display = draw(st.sampled_from([*_DISPLAYS]))
    pci = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    bars = tuple(draw(st.lists(st.sampled_from([0, 4096]), max_size=3)))
    facts = SysfsTraits(
        draw(st.sampled_from([True, None])),
        draw(st.sampled_from([display, KnownDisplay.UNKNOWN])),
        draw(st.sampled_from([pci, None])),
        draw(st.sampled_from([bars, ()])),
    )
    told = tuple(draw(st.sampled_from([each, -1])) for each in bars)
    return facts, DeviceTraits(PCI, _DISPLAYS[display], draw(st.sampled_from([pci, None])), told)


@given(st.lists(_devices(), max_size=4), st.data())
def test_match_by_traits_fits_and_is_never_certain(
    devices: list[tuple[SysfsTraits, DeviceTraits]], data: st.DataObject
) -> None:
    """However little sysfs tells, whichever devices have a fd, or two, and whatever the command line says."""
    known = {f"device {number}": facts for number, (facts, _) in enumerate(devices)}
    truth = data.draw(st.lists(st.sampled_from([*known]), max_size=5)) if known else []
    found = {20 + number: devices[int(name.split()[1])][1] for number, name in enumerate(truth)}
    order = data.draw(st.permutations([*known]))
    matches = match_devices(found, known, order)
    for fd, match in matches.items():
        assert compatible(found[fd], known[match.name])
        assert not match.certain, "the process may have received the fd of any device"
        fitting = [name for name, facts in known.items() if compatible(found[fd], facts)]
        assert len(fitting) > 1 or match.name == truth[fd - 20]
    guessed = [
        match.name for fd, match in matches.items() if sum(compatible(found[fd], each) for each in known.values()) > 1
    ]
    assert len(guessed) == len(set(guessed)), "no device is guessed twice"


def test_look_alikes_follow_the_order_of_the_command_line() -> None:
    facts, answers = (
        SysfsTraits(display=KnownDisplay.DMABUF),
        DeviceTraits(PCI, _DISPLAYS[KnownDisplay.DMABUF], None, ()),
    )
    known, found = {"a": facts, "b": facts}, {21: answers, 30: answers}
    assert match_devices(found, known, ["b", "a"]) == {21: Match("b", certain=False), 30: Match("a", certain=False)}
    assert match_devices(found, known, ["b"]) == {}, "one was plugged in later"
    assert match_devices({21: answers}, known, ["b", "a"]) == {}, "one is not there yet"


@pytest.mark.parametrize(("kind", "fits"), [("mbochs", UUID_A), ("mdpy", UUID_B), ("nic", "0000:65:00.0")])
def test_sysfs_tells_kinds_of_devices_apart(tmp_path: Path, kind: str, fits: str) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    host.mdev(UUID_B, "mdpy-vga", 2)
    function = host.pci("0000:65:00.0", "vfio-pci", 3)
    for name, text in (
        ("vendor", "0x8086"),
        ("device", "0x1572"),
        ("resource", "0x0000000090000000 0x00000000907fffff 0x000000000014220c\n0x0 0x0 0x0\n"),
    ):
        (function / name).write_text(text)
    host.process(50, "qemu-system-x86", ["qemu"], {9: "/dev/vfio/3", 10: DEVICE_FD})
    known = {each.name: read_sysfs_traits(each, host.paths) for each in discover(host.scan())}
    device = device_of(memfd(name=kind))
    try:
        assert match_devices({9: read_device_traits(device)}, known) == {9: Match(fits, certain=False)}
    finally:
        device.close()


def test_larger_memory_is_another_type(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 1)
    host.mdev(UUID_B, "mbochs-large", 2)
    device = device_of(memfd(name="mbochs"))
    try:
        known = {each.name: read_sysfs_traits(each, host.paths) for each in discover(host.scan())}
        assert match_devices({9: read_device_traits(device)}, known) == {9: Match(UUID_A, certain=False)}
    finally:
        device.close()
