"""What is in a recording: an MCAP file (https://mcap.dev/spec) with the profile ``mdevview``.

Each message is a JSON object (encoding ``json``, schema encoding ``jsonschema``) on the channel of its type, see
:data:`TOPICS`. Messages are in chunks that are compressed with zstd. A reader skips topics and keys that it does not
know; a change of what a key means increases :data:`VERSION`, which the first message, a :class:`Context`, has.

``log_time`` of a message is the start of the poll in which the device gave the answer, in nanoseconds since 1970: all
answers of one poll have the same. ``publish_time`` is when the answer was there. A message is written only if it
differs from the last one about the same thing, so an answer holds until the next one.

Pixels are MCAP attachments. The name is ``sha256-`` and the digest of the uncompressed bytes, the data is one zstd
frame of them, the media type is :data:`MEDIA_TYPE`. Each content is in the file once, before the first
:class:`Pixels` message that names it. ``mcap get attachment FILE -n NAME | zstd -d`` extracts one.

The file ends with an :class:`End`. A file without one is that of a capture that was killed: all that is in it holds.
"""

from dataclasses import dataclass

from app.replay.document import data, free, number, text

PROFILE = "mdevview"
VERSION = 1
MEDIA_TYPE = "application/zstd"
CONTENT_PREFIX = "sha256-"

MOST_ANSWER = 64 * 1024
"""Bytes of an answer or a read; longer ones are not recorded."""
MOST_CONTENT = 256 << 20
"""Bytes of the contents of one buffer; more are cut off."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where the recording was made. ``rule`` is how often a buffer may be fetched (freely, once, never).

    ``pixels`` says which pixels are in the file: all, none, or every N. ``vgpu``, ``host`` and ``renderer`` are what is
    known of the device, of the host around it, and of what draws; each is null if nothing is. ``screen`` is what kind
    of screen it is (``type``, ``cursor_plane``) where it is no vGPU's.
    """

    version: int = number(16)
    program: str = text(100)
    kernel: str = text(200)
    started: str = text(40)
    kind: str = text(20)
    label: str = text(200)
    rule: str = text(10)
    pixels: str = text(20)
    vgpu: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)
    host: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)
    renderer: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)
    screen: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)


@dataclass(frozen=True, slots=True)
class Query:
    """VFIO_DEVICE_QUERY_GFX_PLANE with this plane type and these flags.

    ``answer`` is the struct vfio_device_gfx_plane_info after the call, little endian; null if the call failed with
    ``errno``.
    """

    plane_type: int = number(32)
    flags: int = number(32)
    answer: bytes | None = data(256, optional=True)
    errno: int | None = number(16, optional=True)


@dataclass(frozen=True, slots=True)
class Fetch:
    """VFIO_DEVICE_GET_GFX_DMABUF. Without an ``errno``: the dma-buf's ``inode``, ``size`` in bytes and exporter."""

    dmabuf_id: int = number(32)
    errno: int | None = number(16, optional=True)
    inode: int | None = number(64, optional=True)
    size: int | None = number(63, optional=True)
    exporter: str | None = text(64, optional=True)


@dataclass(frozen=True, slots=True)
class Info:
    """VFIO_DEVICE_GET_INFO (``region`` is null) or VFIO_DEVICE_GET_REGION_INFO, with this ``argsz``.

    ``answer`` is the struct with its capabilities after the call, little endian.
    """

    argsz: int = number(32)
    region: int | None = number(32, optional=True)
    answer: bytes | None = data(MOST_ANSWER, optional=True)
    errno: int | None = number(16, optional=True)


@dataclass(frozen=True, slots=True)
class Read:
    """A pread of the device file."""

    length: int = number(32)
    offset: int = number(64)
    answer: bytes | None = data(MOST_ANSWER, optional=True)
    errno: int | None = number(16, optional=True)


@dataclass(frozen=True, slots=True)
class Map:
    """A mmap of the device file, with the errno if it failed."""

    length: int = number(63)
    offset: int = number(64)
    errno: int | None = number(16, optional=True)


@dataclass(frozen=True, slots=True)
class Pixels:
    """What a buffer held when the poll had ended: that of a dma-buf's ``inode``, or of the ``region`` of this index.

    ``source``: ``cpu``: the bytes as they lie, from the buffer's first one. ``gpu``: the exporter forbids access of the
    CPU, so the GPU drew the plane and this is what it drew: rows of red, green, blue, alpha from the top, ``width`` x
    ``height``. ``left-out``: the user wants no pixels in the file. ``dropped``: they came faster than they could be
    written. ``unreadable``: neither CPU nor GPU can read them. ``content`` is the digest of the bytes, null if there
    are none; ``why`` says in words why not the CPU, or why there are none. The rest describes the plane.
    """

    source: str = text(20)
    fourcc: int = number(32)
    modifier: int = number(64)
    width: int = number(32)
    height: int = number(32)
    stride: int = number(32)
    inode: int | None = number(64, optional=True)
    region: int | None = number(32, optional=True)
    content: str | None = text(64, optional=True)
    size: int | None = number(63, optional=True)
    why: str | None = text(300, optional=True)


@dataclass(frozen=True, slots=True)
class State:
    """What the state of the picture was, with the keys of ``mdevview inspect --json``, and how planes were drawn.

    ``vm-ended`` and ``device-removed`` end a recording. ``primary`` and ``cursor`` are the outcomes of the planes.
    """

    reason: str = text(40)
    detail: str = text(300)
    primary: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)
    cursor: dict[str, object] | None = free(optional=True)  # noqa: RUF009  (a dataclass field)


@dataclass(frozen=True, slots=True)
class End:
    """The recording ends here. ``why``: duration, signal, gone, or error.

    ``dropped_pixels`` contents and ``dropped_answers`` answers came faster than they could be written.
    """

    why: str = text(40)
    dropped_pixels: int = number(63)
    dropped_answers: int = number(63)


Message = Context | Query | Fetch | Info | Read | Map | Pixels | State | End

TOPICS: dict[str, type[Message]] = {
    "/context": Context,
    "/query": Query,
    "/fetch": Fetch,
    "/info": Info,
    "/read": Read,
    "/map": Map,
    "/pixels": Pixels,
    "/state": State,
    "/end": End,
}


def schema_name(type_: type) -> str:
    """The name of the type's schema in the file."""
    return f"mdevview.{type_.__name__}"
