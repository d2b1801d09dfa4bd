"""The requests of a guest's display driver, and the responses to them (``displif.h``). Every value is the guest's."""

from dataclasses import dataclass

from app.xen.abi import displif


@dataclass(frozen=True, slots=True)
class CreateBuffer:
    """``size`` and ``offset`` in bytes; ``offset`` is where the first row begins. ``directory`` is a reference.

    Width, height and bits per pixel are 0 for a buffer that came from another driver of the guest: Linux knows only its
    size (xen_drm_front_gem_import_sg_table() in drivers/gpu/drm/xen/xen_drm_front_gem.c).
    """

    buffer: int
    width: int
    height: int
    bpp: int
    size: int
    backend_allocates: bool
    directory: int
    offset: int


@dataclass(frozen=True, slots=True)
class DestroyBuffer:
    buffer: int


@dataclass(frozen=True, slots=True)
class AttachFb:
    """``width`` and ``height`` in pixels."""

    buffer: int
    fb: int
    width: int
    height: int
    fourcc: int


@dataclass(frozen=True, slots=True)
class DetachFb:
    fb: int


@dataclass(frozen=True, slots=True)
class SetConfig:
    """Show a part of a framebuffer from now on, in pixels; nothing if everything is 0."""

    fb: int
    x: int
    y: int
    width: int
    height: int
    bpp: int

    @property
    def is_off(self) -> bool:
        return not (self.fb or self.x or self.y or self.width or self.height or self.bpp)


@dataclass(frozen=True, slots=True)
class Flip:
    fb: int


@dataclass(frozen=True, slots=True)
class GetEdid:
    """``size`` in bytes is that of the guest's memory for the EDID, which ``directory`` lists."""

    size: int
    directory: int


Request = CreateBuffer | DestroyBuffer | AttachFb | DetachFb | SetConfig | Flip | GetEdid

_NAMES = {
    displif.XENDISPL_OP_DBUF_CREATE: "DBUF_CREATE",
    displif.XENDISPL_OP_DBUF_DESTROY: "DBUF_DESTROY",
    displif.XENDISPL_OP_FB_ATTACH: "FB_ATTACH",
    displif.XENDISPL_OP_FB_DETACH: "FB_DETACH",
    displif.XENDISPL_OP_SET_CONFIG: "SET_CONFIG",
    displif.XENDISPL_OP_PG_FLIP: "PG_FLIP",
    displif.XENDISPL_OP_GET_EDID: "GET_EDID",
}


def request_name(operation: int) -> str:
    """The name of an operation in ``displif.h``; "unknown" for any other number."""
    return _NAMES.get(operation, "unknown")


def parse_request(slot: displif.xendispl_req) -> Request | None:
    """The request in a copied slot; None for an operation that does not exist."""
    match slot.operation:
        case displif.XENDISPL_OP_DBUF_CREATE:
            body = slot.op.dbuf_create
            return CreateBuffer(
                body.dbuf_cookie,
                body.width,
                body.height,
                body.bpp,
                body.buffer_sz,
                bool(body.flags & displif.XENDISPL_DBUF_FLG_REQ_ALLOC),
                body.gref_directory,
                body.data_ofs,
            )
        case displif.XENDISPL_OP_DBUF_DESTROY:
            return DestroyBuffer(slot.op.dbuf_destroy.dbuf_cookie)
        case displif.XENDISPL_OP_FB_ATTACH:
            body = slot.op.fb_attach
            return AttachFb(body.dbuf_cookie, body.fb_cookie, body.width, body.height, body.pixel_format)
        case displif.XENDISPL_OP_FB_DETACH:
            return DetachFb(slot.op.fb_detach.fb_cookie)
        case displif.XENDISPL_OP_SET_CONFIG:
            body = slot.op.set_config
            return SetConfig(body.fb_cookie, body.x, body.y, body.width, body.height, body.bpp)
        case displif.XENDISPL_OP_PG_FLIP:
            return Flip(slot.op.pg_flip.fb_cookie)
        case displif.XENDISPL_OP_GET_EDID:
            return GetEdid(slot.op.get_edid.buffer_sz, slot.op.get_edid.gref_directory)
    return None


def response_to(slot: displif.xendispl_req, error: int = 0, edid_size: int = 0) -> displif.xendispl_resp:
    """The response to a request. ``error`` is an errno, 0 for success; ``edid_size`` in bytes is for GET_EDID."""
    response = displif.xendispl_resp(id=slot.id, operation=slot.operation, status=-error)
    response.op.get_edid.edid_sz = edid_size
    return response
