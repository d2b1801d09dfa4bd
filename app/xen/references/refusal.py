"""Why a dma-buf of granted pages (EXP_FROM_REFS) cannot be made, in the words of this host.

The kernel's errors do not tell a refusal from a wrong reference. That one fails also when the pages are mapped.
"""

import errno

from app.errors import error_text
from app.host.xen import XenHost


def why_never(host: XenHost) -> str:
    """Why this host makes no dma-buf of granted pages, whatever its kernel's options are; empty if it may."""
    if not host.is_x86:
        return ""
    if host.guest_type == "PV":
        # dmabuf_exp_from_refs() in drivers/xen/gntdev-dmabuf.c, where use_ptemod is set.
        return "the driver refuses it in a PV domain of x86"
    if not host.guest_type:
        return "x86 never allows it"
    # map_grant_ref() in xen/common/grant_table.c refuses GNTMAP_device_map in a translated domain.
    return f"Xen refuses it to a {host.guest_type} domain of x86 (GNTMAP_device_map)"


def why_not_exported(error: OSError, host: XenHost | None) -> str:
    """The words for a failed EXP_FROM_REFS. ``host`` is None where nothing is known of it."""
    words = f"EXP_FROM_REFS: {error_text(error)}"
    never = why_never(host) if host is not None else ""
    if error.errno == errno.ENOTTY:
        # gntdev_ioctl() in drivers/xen/gntdev.c
        more = f"; with it: {never}" if never else ""
        return f"{words}; this kernel was built without CONFIG_XEN_GNTDEV_DMABUF{more}"
    return f"{words}; {never}" if error.errno == errno.EINVAL and never else words
