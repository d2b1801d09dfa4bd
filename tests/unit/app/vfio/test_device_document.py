"""What a device says of itself, as a document."""

from app.device.gfx_plane import DisplayOffer
from app.sim.profile import open_simulated
from app.vfio.device_document import describe_device


def test_a_device_with_its_regions_and_its_edid() -> None:
    device = open_simulated("gvt,size=1280x800")
    try:
        document = describe_device(device, DisplayOffer(dmabuf=True, region=False), device.vgpu)
    finally:
        device.close()
    assert document["display"] == {"dmabuf": True, "region": False}
    described = document["device"]
    assert (described["driver"], described["simulated"]) == (device.vgpu.driver, True)
    preferred = described["edid"]["preferred"]
    assert (preferred["width"], preferred["height"], round(preferred["refresh_hz"])) == (1280, 800, 60)
    assert described["edid"]["region_index"] in [each["index"] for each in described["regions"]]


def test_a_device_that_does_not_answer() -> None:
    device = open_simulated("gvt")
    device.close()
    document = describe_device(device, None, None)
    assert document["display"] is None
    assert document["device"]["error"].startswith("EBADF: ")
    assert (document["device"]["name"], document["device"]["regions"]) == (None, [])
