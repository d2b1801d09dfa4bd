"""A VFIO device as the parts "display" and "device" of an ``inspect`` document. A published key keeps its meaning."""

from app.device.edid_region import find_edid_region, read_edid
from app.device.gfx_plane import DisplayOffer
from app.device.info import DeviceInfo, device_info, region_info
from app.device.names import device_flag_names, region_access, region_name, region_type_name
from app.device.seam import Device
from app.edid.parse import parse_edid
from app.errors import error_text
from app.host.vgpu import Vgpu
from app.planes.plane_document import Document


def describe_device(device: Device, offer: DisplayOffer | None, vgpu: Vgpu | None) -> Document:
    """Reads the regions and the EDID of the device. Raises nothing.

    ``display`` is null if ``offer`` is None, because the device was not probed yet. ``device`` has the key ``error`` if
    the device does not answer. Regions of size 0 are left out. ``vgpu`` is None if it is unknown which vGPU the device
    is.
    """
    return {
        "display": {"dmabuf": offer.dmabuf, "region": offer.region} if offer is not None else None,
        "device": _device_document(device, vgpu),
    }


def _device_document(device: Device, vgpu: Vgpu | None) -> Document:
    document: Document = {
        "name": vgpu.name if vgpu else None,
        "type": vgpu.type_id if vgpu else None,
        "driver": vgpu.driver if vgpu else None,
        "module": vgpu.module if vgpu else None,
        "simulated": bool(vgpu and vgpu.simulated),
    }
    try:
        info = device_info(device)
        regions = [each for index in info.region_indices if (each := _region_document(device, info, index))]
        flags = {"flags": info.flags, "flag_names": list(device_flag_names(info.flags))}
        return document | flags | {"regions": regions, "edid": _edid_document(device)}
    except OSError as error:
        return document | {"flags": None, "flag_names": [], "regions": [], "edid": None, "error": error_text(error)}


def _region_document(device: Device, of: DeviceInfo, index: int) -> Document | None:
    """One region; None if it does not exist (size 0)."""
    try:
        info = region_info(device, index)
    except OSError as error:
        return {"index": index, "name": region_name(of.flags, index, None), "error": error_text(error)}
    if not info.size:
        return None
    return {
        "index": index,
        "name": region_name(of.flags, index, info.type),
        "size": info.size,
        "offset": info.offset,
        "flags": info.flags,
        "access": list(region_access(info.flags)),
        "type": list(info.type) if info.type else None,
        "type_name": region_type_name(info.type) if info.type else None,
        "sparse_areas": None if info.sparse is None else [{"offset": at.offset, "size": at.size} for at in info.sparse],
    }


def _edid_document(device: Device) -> Document | None:
    """The EDID region; None if the device has none."""
    try:
        region = find_edid_region(device)
        if region is None:
            return None
        edid = read_edid(device, region)
    except OSError as error:
        return {"error": error_text(error)}
    return {
        "region_index": edid.index,
        "size": len(edid.blob),
        "max_size": edid.max_size,
        "max_xres": edid.max_xres,
        "max_yres": edid.max_yres,
        "link_up": edid.link_up,
        **_screen_document(edid.blob),
    }


def _screen_document(blob: bytes) -> Document:
    """The screen that the guest sees. Both values are null if there is no EDID, or it is invalid."""
    try:
        screen = parse_edid(blob)
    except ValueError:
        return {"manufacturer": None, "product": None, "name": None, "preferred": None}
    mode = screen.preferred.mode if screen.preferred is not None else None
    preferred = {"width": mode.width, "height": mode.height, "refresh_hz": round(mode.refresh_hz, 3)} if mode else None
    return {
        "manufacturer": screen.manufacturer,
        "product": screen.product,
        "name": screen.name,
        "preferred": preferred,
    }
