"""Which other type is named where a mode exceeds that of a vGPU."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edid.mode import Limits, Mode
from app.host.discovery import find_mdev
from app.host.larger_type import SizedType, larger_type, sibling_types, sized_type
from app.host.mdev import MdevType
from tests.unit.hosts import UUID_A, Host

GPU = "0000:00:02.0"
GVT = "low_gm_size: 128MB\nhigh_gm_size: 512MB\nfence: 4\nresolution: {}\nweight: 4\n"
NVIDIA = "num_heads=4, frl_config=60, framebuffer=2048M, max_resolution={}, max_instance=8"
MBOCHS = "virtual display, {} MB video memory"


def described(host: Host, parent: str, kind: str, description: str, left: str | None = "1") -> None:
    (host.mdev_type(parent, kind, left) / "description").write_text(description + "\n")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    described(host, GPU, "i915-GVTg_V5_8", GVT.format("1024x768"))
    described(host, GPU, "i915-GVTg_V5_4", GVT.format("1920x1200"), "2")
    described(host, GPU, "i915-GVTg_V5_1", GVT.format("1920x1200"), "0")
    described(host, "0000:01:00.0", "nvidia-63", NVIDIA.format("7680x4320"))
    for kind, memory in (("small", 4), ("medium", 16), ("large", 64)):
        described(host, "mbochs", f"mbochs-{kind}", MBOCHS.format(memory), "3")
    host.mdev(UUID_A, "i915-GVTg_V5_8", 11, parent=f"pci0000:00/{GPU}")
    return host


def test_a_larger_type_of_the_same_gpu_is_named_with_what_is_left_of_it(host: Host) -> None:
    types = sibling_types(find_mdev(UUID_A, host.paths), host.paths)
    own = Limits(1024, 768)
    assert larger_type(Mode(1920, 1080), own, types) == "a larger type takes it: i915-GVTg_V5_4 (1920x1200, 2 left)"
    assert larger_type(Mode(3840, 2160), own, types) == (
        "a larger type, which does not take it either: i915-GVTg_V5_4 (1920x1200, 2 left)"
    )
    assert larger_type(Mode(3840, 2160), Limits(1920, 1200), types) == "", "it is the largest already"


@pytest.mark.parametrize(
    ("mode", "own", "named"),
    [
        (Mode(1024, 768), Limits(800, 600), "mbochs-medium (1920x1440, 3 left)"),
        (Mode(2560, 1440), Limits(1920, 1440), "mbochs-large (64 MB of video memory, 3 left)"),
    ],
)
def test_the_types_of_the_sample_driver_are_known_by_their_names(
    host: Host, mode: Mode, own: Limits, named: str
) -> None:
    host.mdev("83b8f4f2-509f-382f-3c1e-e6bfe0fa1009", "mbochs-small", 12)
    types = sibling_types(find_mdev("83b8f4f2-509f-382f-3c1e-e6bfe0fa1009", host.paths), host.paths)
    assert larger_type(mode, own, types) == f"a larger type takes it: {named}"
    assert larger_type(Mode(7680, 4320), own, types).startswith("a larger type, which does not take it either")


def sized(description: str, kind: str = "nvidia-63") -> SizedType | None:
    return sized_type(MdevType("0000:01:00.0", kind, None, 1, Path("/")), description)


@pytest.mark.parametrize(
    ("description", "size"),
    [
        (NVIDIA.format("7680x4320"), (7680, 4320)),
        (GVT.format("1920x1200"), (1920, 1200)),
        (NVIDIA.format("0x0"), None),
        (NVIDIA.format("99999x4320"), None),
        (NVIDIA.format("-1x4320"), None),
        ("resolution: 1920x1200\nresolution: 640x480", None),
        ("framebuffer=2048M", None),
        ("", None),
        (MBOCHS.format(16), None),
    ],
)
def test_a_size_is_read_only_where_the_description_tells_exactly_one(
    description: str, size: tuple[int, int] | None
) -> None:
    kind = sized(description)
    assert (kind and (kind.limits.max_width, kind.limits.max_height)) == size


@given(st.text(st.sampled_from("resolution max_=:x0123456789\n,MBvideo"), max_size=80))
def test_no_description_breaks_it(description: str) -> None:
    kind = sized(description)
    assert kind is None or kind.limits.max_width


edges = st.one_of(st.none(), st.integers(64, 8192))
limits = st.builds(Limits, edges, edges)
types = st.lists(
    st.builds(
        SizedType,
        st.sampled_from("abc"),
        limits,
        st.one_of(st.none(), st.integers(1, 64).map(lambda mb: mb << 20)),
        st.one_of(st.none(), st.integers(0, 3)),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
).map(tuple)


@given(st.integers(64, 16384), st.integers(64, 16384), limits, types)
def test_a_type_that_is_named_takes_the_mode_or_is_larger(
    width: int, height: int, own: Limits, types: tuple[SizedType, ...]
) -> None:
    mode = Mode(width, height)
    if own.allow(width, height):
        return
    text = larger_type(mode, own, types)
    named = [each for each in types if str(each) in text]
    assert bool(named) is bool(text)
    if "takes it" in text:
        assert all(each.takes(mode) for each in named)
        assert named[0].left != 0 or all(each.left == 0 for each in types if each.takes(mode))
    for each in named:
        assert any(not own.allow(*size) and each.limits.allow(*size) for size in _corners(each.limits, own))
    if not text:
        assert not any(each.takes(mode) for each in types)


def _corners(one: Limits, other: Limits) -> list[tuple[int, int]]:
    widths = [one.max_width or 20_000, other.max_width or 20_000]
    heights = [one.max_height or 20_000, other.max_height or 20_000]
    return [(width, height) for width in widths for height in heights]
