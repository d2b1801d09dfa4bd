"""What a guest tells of exported objects of its virtio-gpu."""

import errno
import os
from pathlib import Path

import pytest

from app.host.virtio_gpu import ask_cross_device, virtio_gpus
from tests.unit.hosts import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.gpu("0000:00:02.0", 0x1AF4, 0x1050, "virtio-pci", 0)
    virtio = host.paths.sys / "class/drm/renderD128/device/virtio0"
    virtio.mkdir(parents=True)
    driver = host.paths.sys / "bus/virtio/drivers/virtio_gpu"
    driver.mkdir(parents=True)
    (virtio / "driver").symlink_to(driver)
    host.gpu("0000:00:03.0", 0x8086, 0x3E92, "i915", 1)
    return host


def _refused(_node: Path) -> bool:
    raise OSError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize("uuids", [True, False])
def test_the_driver_is_asked_for_each_virtio_gpu_and_no_other(host: Host, uuids: bool) -> None:
    asked: list[str] = []

    def ask(node: Path) -> bool:
        asked.append(node.name)
        return uuids

    (found,) = virtio_gpus(host.paths, ask)
    assert (found.uuids, found.source, asked) == (uuids, "VIRTGPU_PARAM_CROSS_DEVICE", ["renderD128"])


def test_debugfs_tells_where_the_driver_may_not_be_asked(host: Host) -> None:
    (nothing,) = virtio_gpus(host.paths, _refused)
    assert (nothing.uuids, "EACCES" in nothing.error) == (None, True)
    folder = host.paths.sys / "kernel/debug/dri/128"
    folder.mkdir(parents=True)
    (folder / "virtio-gpu-features").write_text("virgl            : no\nresource uuid    : yes\n")
    (found,) = virtio_gpus(host.paths, _refused)
    assert (found.uuids, found.error) == (True, "")
    assert found.source.endswith("virtio-gpu-features")


def test_another_file_is_no_virtio_gpu() -> None:
    with pytest.raises(OSError) as caught:
        ask_cross_device(Path("/dev/null"))
    assert caught.value.errno == errno.ENOTTY
