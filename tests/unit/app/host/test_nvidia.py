"""NVIDIA's vGPUs without mdev, as sysfs tells them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.host.nvidia import TypeNames, current_types
from app.host.paths import text_of
from tests.unit.hosts import Host

L40S = {1147: "NVIDIA L40S-1Q", 1152: "NVIDIA L40S-8Q"}
GPU, OTHER_GPU = "0000:41:00.0", "0000:81:00.0"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_types_of_all_functions(host: Host) -> None:
    assert current_types(host.paths) == {}
    host.nvidia_function("0000:41:00.5", GPU, 2)
    host.nvidia_function("0000:41:00.4", GPU, 1, 1152)
    host.pci("0000:00:02.1", "vfio-pci", 3)
    assert current_types(host.paths) == {"0000:41:00.4": 1152, "0000:41:00.5": 0}


def test_name_comes_from_another_function_where_no_more_fits_on_this_one(host: Host) -> None:
    full = host.nvidia_function("0000:41:00.4", GPU, 1, 1152)
    host.nvidia_function("0000:41:00.5", GPU, 2, 0, L40S)
    # The same number is another type on another GPU.
    elsewhere = host.nvidia_function("0000:81:00.4", OTHER_GPU, 3, 1152, {1152: "NVIDIA A16-4Q"})
    lonely = host.nvidia_function("0000:81:00.5", OTHER_GPU, 4, 1147)
    names = TypeNames()
    assert names.name_of(full, 1152) == "NVIDIA L40S-8Q"
    assert names.name_of(elsewhere, 1152) == "NVIDIA A16-4Q"
    assert names.name_of(lonely, 1147) is None


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read from now on."""
    read: list[Path] = []

    def counted(file: Path) -> str | None:
        read.append(file)
        return text_of(file)

    monkeypatch.setattr("app.host.nvidia.text_of", counted)
    return read


def test_each_list_is_read_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver asks the GPU for each list."""
    folders = [host.nvidia_function(f"0000:41:00.{each}", GPU, each, 1152) for each in range(1, 8)]
    read = _count_reads(monkeypatch)
    names = TypeNames()
    for _ in range(2):
        assert [names.name_of(each, 1152) for each in folders] == [None] * 7
    assert sorted(each.resolve() for each in read) == [each / "nvidia/creatable_vgpu_types" for each in folders]


def test_no_more_lists_are_read_than_are_needed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may have two hundred functions."""
    folders = [host.nvidia_function(f"0000:41:00.{each}", GPU, each, 1152, L40S) for each in range(1, 8)]
    read = _count_reads(monkeypatch)
    names = TypeNames()
    assert [names.name_of(each, 1152) for each in folders] == ["NVIDIA L40S-8Q"] * 7
    assert len(read) == 1


@given(text=st.binary(max_size=300))
def test_no_content_of_a_file_is_an_error(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    host = Host(tmp_path_factory.mktemp("host"))
    folder = host.nvidia_function("0000:41:00.4", GPU, 1)
    for file in ("current_vgpu_type", "creatable_vgpu_types"):
        (folder / "nvidia" / file).write_bytes(text)
    for number in current_types(host.paths).values():
        name = TypeNames().name_of(folder, number)
        assert name is None or name.isprintable()
