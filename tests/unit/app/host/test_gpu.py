"""Which GPU is meant, and which one imports a vGPU's buffers."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.host.discovery import find_mdev
from app.host.gpu import AUTO, GpuChoice, RenderNode, choose_node, exporting_gpu, find_gpu, parse_gpu, render_nodes
from tests.unit.hosts import UUID_A, Host
from tests.unit.known_hosts import two_gpus

INTEL = RenderNode(Path("/dev/dri/renderD128"), two_gpus.INTEL, "i915", "0x8086", "0x591b", ("card0",))
NVIDIA = RenderNode(Path("/dev/dri/renderD129"), two_gpus.NVIDIA, "nvidia", "0x10de", "0x1c8d", ("card1",))
BOTH = (INTEL, NVIDIA)


@pytest.fixture
def laptop(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    two_gpus.lay_out(host)
    return host


def test_the_gpus_of_a_laptop(laptop: Host) -> None:
    dri = laptop.paths.dev / "dri"
    assert render_nodes(laptop.paths) == tuple(replace(each, node=dri / each.node.name) for each in BOTH)
    vgpu = find_mdev(UUID_A, laptop.paths)
    assert vgpu is not None
    assert exporting_gpu(vgpu, laptop.paths) == render_nodes(laptop.paths)[0]


@pytest.mark.parametrize(
    "name",
    [
        "/dev/dri/renderD129",
        "renderD129",
        "/dev/dri/card1",
        "card1",
        "0000:01:00.0",
        "01:00.0",
    ],
)
def test_a_gpu_has_several_names(name: str) -> None:
    assert find_gpu(name, BOTH) is NVIDIA


def test_a_link_of_udev_names_its_gpu(laptop: Host) -> None:
    link = laptop.paths.dev / "dri/by-path/pci-0000:01:00.0-render"
    link.parent.mkdir()
    link.symlink_to("../renderD129")
    named = parse_gpu(str(link), laptop.paths).named
    assert named is not None and named.address == two_gpus.NVIDIA


def test_a_wrong_name_lists_the_right_ones(laptop: Host) -> None:
    for name in ("renderD130", "/dev/dri/renderD", "card12", "0001:01:00.0", "", "renderD129\n", "AUTO"):
        with pytest.raises(
            ValueError, match=r"renderD128 \(i915, 0000:00:02.0\), .*renderD129 \(nvidia, 0000:01:00.0\)$"
        ):
            parse_gpu(name, laptop.paths)
    with pytest.raises(ValueError, match="this host has no render node"):
        find_gpu("card0", ())
    assert parse_gpu("auto", laptop.paths) is AUTO


@given(st.text())
@settings(deadline=None)
def test_any_other_text_names_no_gpu(text: str) -> None:
    try:
        found = find_gpu(text, BOTH)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert any(each in text for each in (found.node.name, found.address[5:], *found.cards))


def test_the_exporter_imports_unless_the_user_names_another_gpu() -> None:
    assert choose_node(AUTO, INTEL, BOTH) is INTEL
    assert choose_node(GpuChoice(NVIDIA), INTEL, BOTH) is NVIDIA
    assert choose_node(AUTO, None, BOTH) is None
    assert choose_node(GpuChoice(INTEL), None, BOTH) is INTEL


def test_an_exporter_without_a_node_here_is_not_chosen() -> None:
    """As in a container that has only the other GPU."""
    assert choose_node(AUTO, INTEL, (NVIDIA,)) is None
