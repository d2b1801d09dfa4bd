"""The screens of this host as the JSON document of ``mdevview list --json``. A published key keeps its meaning."""

from typing import Any

from app.host.display_document import displays_document
from app.host.drivers import known_display
from app.host.permissions import user_name
from app.host.screens import HostScreens
from app.host.vgpu import Holder, Vgpu

_VERSION = 1


def list_document(screens: HostScreens) -> dict[str, Any]:
    """``version``, ``vgpus`` and ``displays``, which are described in :mod:`app.host.display_document`."""
    return {
        "version": _VERSION,
        "vgpus": [_vgpu_document(each) for each in screens.vgpus],
        "displays": displays_document(screens),
    }


def _vgpu_document(vgpu: Vgpu) -> dict[str, Any]:
    """``display`` is what the driver is known to offer, because the device was not opened.

    ``claims`` are processes that cannot be seen and that name the device in their arguments, in the form of holders.
    """
    return {
        "name": vgpu.name,
        "uuid": vgpu.uuid,
        "type": vgpu.type_id,
        "type_name": vgpu.type_name,
        "parent": vgpu.parent,
        "driver": vgpu.driver,
        "module": vgpu.module,
        "iommu_group": vgpu.iommu_group,
        "cdev": vgpu.cdev,
        "state": vgpu.use.value,
        "holders": [_holder_document(each) for each in vgpu.holders],
        "claims": [_holder_document(each) for each in vgpu.claims],
        "display": known_display(vgpu).value,
    }


def _holder_document(holder: Holder) -> dict[str, Any]:
    return {
        "pid": holder.pid,
        "process": holder.process,
        "vm": holder.vm_name,
        "vm_id": holder.vm_id,
        "fd": holder.fd,
        "way": holder.way.value if holder.way else None,
        "uid": holder.uid,
        "user": user_name(holder.uid) if holder.uid is not None else None,
    }
