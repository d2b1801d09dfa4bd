"""Whether the right GPU draws."""

from app.diagnosis.host.gpu_findings import wrong_gpu
from app.host.discovery import discover
from app.host.gpu import address_of, exporting_gpus
from tests.unit.hosts import UUID_A, Host


def test_drawing_on_another_gpu_than_the_exporter(host: Host) -> None:
    host.mdev(UUID_A, "i915-GVTg_V5_4", 11, parent="pci0000:00/0000:00:02.0")
    for address, node in (("0000:00:02.0", "renderD128"), ("0000:01:00.0", "renderD129")):
        device = host.paths.sys / "devices/pci0000:00" / address
        (device / "drm" / node).mkdir(parents=True)
        for link, target in (
            (host.paths.sys / "bus/pci/devices" / address, device),
            (host.paths.sys / "class/drm" / node, device / "drm" / node),
            (device / "drm" / node / "device", device),
        ):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    exporting = exporting_gpus(discover(host.scan()), host.paths)
    assert wrong_gpu(address_of("/dev/dri/renderD128", host.paths), exporting) is None
    finding = wrong_gpu(address_of("/dev/dri/renderD129", host.paths), exporting)
    assert finding is not None
    assert finding.remedy.endswith("DRI_PRIME=pci-0000_00_02_0")
