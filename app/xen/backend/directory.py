"""The directory of a buffer's references: pages of the guest, each with the reference of the next (``displif.h``)."""

from collections.abc import Callable, Sequence

from app.xen.abi.displif import XENDISPL_DIRECTORY_REFS
from app.xen.abi.page import XEN_PAGE_SIZE
from app.xen.access.seam import Grants
from app.xen.backend.guest_error import GuestError


def read_directory(grants: Grants, domid: int, first: int, count: int) -> tuple[int, ...]:
    """The ``count`` references of a buffer. ``first``: ``gref_directory``.

    Each page is mapped, copied once and unmapped; pages after the last needed one are not looked at. The caller bounds
    ``count``. Raises GuestError if the directory ends too early, loops or is not there; OSError if a page cannot be
    mapped.
    """
    refs: list[int] = []

    def read(words: memoryview, wanted: int) -> int:
        copy = words[: 1 + wanted].tolist()
        refs.extend(copy[1:])
        return copy[0]

    _walk(grants, domid, first, count, read, writable=False)
    return tuple(refs)


def write_directory(grants: Grants, domid: int, first: int, refs: Sequence[int]) -> None:
    """Write references into the pages that the guest made for them (XENDISPL_DBUF_FLG_REQ_ALLOC).

    Raises as :func:`read_directory`; the references written until then stay in the guest's pages.
    """
    position = 0

    def write(words: memoryview, wanted: int) -> int:
        nonlocal position
        for n, ref in enumerate(refs[position : position + wanted]):
            words[1 + n] = ref
        position += wanted
        return words[0]

    _walk(grants, domid, first, len(refs), write, writable=True)


def _walk(
    grants: Grants, domid: int, first: int, count: int, visit: Callable[[memoryview, int], int], *, writable: bool
) -> None:
    """``visit`` gets the words of a page and how many references it is to handle, and returns the next page's."""
    if count <= 0:
        raise GuestError("buffer without pages")
    page = first
    seen: set[int] = set()
    left = count
    while left:
        if page == 0:
            raise GuestError("directory of references ends too early")
        if page in seen:
            raise GuestError("directory of references loops")
        seen.add(page)
        wanted = min(left, XENDISPL_DIRECTORY_REFS)
        mapping = grants.map(domid, (page,), writable=writable)
        try:
            with mapping.memory[:XEN_PAGE_SIZE].cast("B") as octets, octets.cast("I") as words:
                page = visit(words, wanted)
        finally:
            mapping.release()
        left -= wanted
