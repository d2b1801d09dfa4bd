"""The TARGET grammar and what a target means on a host."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import AmbiguousTarget, NoSuchDevice, UsageError
from app.host.vgpu import Vgpu
from app.open.target import (
    SIMULATED_DEFAULT,
    DbusBus,
    Default,
    InheritedFd,
    Named,
    Pid,
    Replay,
    Simulated,
    VmName,
    parse_target,
    resolve,
)
from tests.unit.hosts import UUID_A, UUID_B
from tests.unit.known_hosts.proxmox import mdev_uuid

UUIDS = st.uuids().map(str)
# They begin alike, so that the beginning of one is often that of another.
ALIKE = st.from_regex(r"83b8f4f2-509f-382f-3c1e-[0-9a-f]{12}", fullmatch=True)
TARGETS = (Default, Named, Pid, VmName, DbusBus, InheritedFd, Simulated, Replay)


@given(st.text() | st.from_regex(r"(sim|fd|pid|vm|dbus|replay):.*", fullmatch=True))
def test_any_text_is_a_target_or_bad_usage(text: str) -> None:
    try:
        assert isinstance(parse_target(text), TARGETS)
    except UsageError as error:
        assert error.exit_status == 2
        assert error.remedy


@given(st.integers(3, 10**9 - 1), st.text(min_size=1))
def test_each_kind_keeps_what_was_typed(number: int, text: str) -> None:
    assert parse_target(f"fd:{number}") == InheritedFd(number)
    assert parse_target(f"pid:{number}") == Pid(number)
    assert parse_target(f"pid:{number},fd={number}") == Pid(number, number)
    assert parse_target(f"sim:{text}") == Simulated(text)
    assert parse_target(f"vm:{text}") == VmName(text)
    assert parse_target(f"replay:{text}") == Replay(text)


@pytest.mark.parametrize("text", ["", "fd:", "fd:-1", "fd:2", "fd:٣", "fd:99999999999", "sim:", "usb:1", "win10", ":"])
def test_bad_targets(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


@given(st.text(min_size=1), st.integers(0, 9999), st.integers(1, 10**9 - 1))
def test_only_the_options_at_the_end_are_taken_off_a_name_or_an_address(text: str, console: int, pid: int) -> None:
    assume(not text.endswith(("pid=", "console=")) and ",pid=" not in text and ",console=" not in text)
    assert parse_target(f"vm:{text},console={console}") == VmName(text, console)
    assert parse_target(f"pid:{pid},console={console}") == Pid(pid, None, console)
    assert parse_target(f"dbus:{text}") == DbusBus(text)
    assert parse_target(f"dbus:{text},console={console}") == DbusBus(text, None, console)
    assert parse_target(f"dbus:{text},pid={pid},console={console}") == DbusBus(text, pid, console)
    assert parse_target(f"dbus:{text},console={console},pid={pid}") == DbusBus(text, pid, console)


def test_an_address_has_commas_of_its_own() -> None:
    assert parse_target("dbus:unix:path=/run/bus,guid=5f,console=1") == DbusBus("unix:path=/run/bus,guid=5f", None, 1)


@pytest.mark.parametrize(
    "text",
    ["vm:a,console=", "vm:a,console=-1", "vm:a,console=10000", "pid:1,fd=2,console=3", "pid:1,x=2", "dbus:a,pid=0"],
)
def test_bad_consoles(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


def test_without_a_target_vgpus_and_d_bus_displays_count_together() -> None:
    vgpu = Vgpu(name=UUID_A, uuid=UUID_A)
    assert resolve(Default(), (), ("vm:a",)) == VmName("a")
    assert resolve(Default(), (), ("pid:7,console=0",)) == Pid(7, None, 0)
    with pytest.raises(AmbiguousTarget, match=f"2 screens: {UUID_A}, vm:a") as caught:
        resolve(Default(), (vgpu,), ("vm:a",))
    assert caught.value.candidates == (UUID_A, "vm:a")
    with pytest.raises(AmbiguousTarget, match="2 screens: vm:a, vm:b"):
        resolve(Default(), (), ("vm:a", "vm:b"))


@given(st.lists(UUIDS | ALIKE, min_size=1, unique=True), st.data())
def test_start_or_end_of_a_uuid_names_the_one_vgpu_it_fits(uuids: list[str], data: st.DataObject) -> None:
    vgpus = [Vgpu(name=each, uuid=each) for each in uuids]
    chosen = data.draw(st.sampled_from(uuids))
    length = data.draw(st.integers(1, 36))
    part = data.draw(st.sampled_from([chosen[:length], chosen[-length:]]))
    # No end of a UUID begins with a dash: it would be an option.
    assume(not part.startswith("-"))
    target = parse_target(part.upper() if data.draw(st.booleans()) else part)
    if part == chosen or sum(each.startswith(part) or each.endswith(part) for each in uuids) == 1:
        assert resolve(target, vgpus) == Vgpu(name=chosen, uuid=chosen)
    else:
        with pytest.raises(AmbiguousTarget) as caught:
            resolve(target, vgpus)
        assert chosen in caught.value.candidates
        assert chosen in caught.value.message


@given(UUIDS, UUIDS)
def test_uuid_that_is_not_there(wanted: str, other: str) -> None:
    assume(wanted != other)
    for vgpus in ([], [Vgpu(name=other, uuid=other)]):
        with pytest.raises(NoSuchDevice) as caught:
            resolve(parse_target(wanted), vgpus)
        assert caught.value.exit_status == 3


def test_what_can_be_given_instead_has_no_device_without_a_display() -> None:
    """`list` has it because of its VM, but to open it is refused."""
    passed_through = Vgpu(name="0000:01:00.0", driver="vfio-pci")
    with pytest.raises(NoSuchDevice, match=r"^no vGPU ffff; there are: 0{8}-.*0105$"):
        resolve(parse_target("ffff"), [Vgpu(name=mdev_uuid(105), uuid=mdev_uuid(105)), passed_through])
    with pytest.raises(NoSuchDevice, match="this host has none"):
        resolve(parse_target("ffff"), [passed_through])


def test_uuids_of_proxmox_are_told_apart_by_their_ends() -> None:
    vgpus = [
        Vgpu(name=each, uuid=each) for each in (mdev_uuid(105), mdev_uuid(106), mdev_uuid(105, 1), mdev_uuid(1105))
    ]
    assert resolve(parse_target("106"), vgpus) == vgpus[1]
    assert resolve(parse_target("1105"), vgpus) == vgpus[3]
    with pytest.raises(AmbiguousTarget) as caught:
        resolve(parse_target("0105"), vgpus)
    assert caught.value.candidates == (mdev_uuid(105), mdev_uuid(105, 1))
    with pytest.raises(NoSuchDevice, match=r"107.*vm:107"):
        resolve(parse_target("107"), vgpus)


@pytest.mark.parametrize("text", ["0000:6a:00.4", "6a:00.4", "6A:00.4", "0000:6A:00.4"])
def test_pci_address_long_or_short_in_capitals_or_not(text: str) -> None:
    function = Vgpu(name="0000:6a:00.4", driver="nvidia")
    assert resolve(parse_target(text), [Vgpu(name="0001:6a:00.4"), function]) == function


def test_pci_address_of_a_gpu_names_its_only_vgpu() -> None:
    first, second, other = (
        Vgpu(each, each, parent=f"0000:0{n}:00.0") for each, n in ((UUID_A, 1), (UUID_B, 1), ("f", 2))
    )
    assert resolve(parse_target("02:00.0"), [first, second, other]) == other
    with pytest.raises(AmbiguousTarget) as caught:
        resolve(parse_target("01:00.0"), [first, second, other])
    assert caught.value.candidates == (UUID_A, UUID_B)
    # The name of a device comes first.
    itself = Vgpu("0000:01:00.0", driver="vendor")
    assert resolve(parse_target("01:00.0"), [first, itself]) == itself


def test_no_target_means_the_only_vgpu_or_a_simulated_one() -> None:
    one, two = Vgpu(name="a", uuid="a"), Vgpu(name="b", uuid="b")
    network_card = Vgpu(name="0000:66:00.0", driver="vfio-pci")
    assert resolve(Default(), [network_card]) is SIMULATED_DEFAULT
    assert resolve(Default(), [network_card, one]) == one
    with pytest.raises(AmbiguousTarget, match="2 vGPUs: a, b") as caught:
        resolve(Default(), [one, network_card, two])
    assert caught.value.candidates == ("a", "b")


@pytest.mark.parametrize(
    ("text", "replay"),
    [
        ("replay:a.mcap", Replay("a.mcap")),
        ("replay:a,b.mcap,speed=0.5", Replay("a,b.mcap", 0.5)),
        ("replay:/x/a.mcap,start=2.5,speed=max", Replay("/x/a.mcap", 0.0, 2.5)),
        ("replay:,speed=2", Replay(",speed=2")),
    ],
)
def test_a_recording_is_a_target_with_a_speed_and_a_start(text: str, replay: Replay) -> None:
    assert resolve(parse_target(text), []) == replay


@pytest.mark.parametrize("options", ["speed=0", "speed=-1", "speed=fast", "start=-1", "start=", "speed=1e9"])
def test_a_recording_has_no_other_speed_or_start(options: str) -> None:
    with pytest.raises(UsageError):
        parse_target(f"replay:a.mcap,{options}")
