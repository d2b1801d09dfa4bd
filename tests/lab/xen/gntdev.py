"""Builds xen-gntdev with the dma-buf ioctls, which Debian's kernel leaves out, from the kernel source of Debian.

The driver is unchanged. The option needs XEN_GRANT_DMA_ALLOC too, whose functions are a part of the kernel itself where
it is on: they come into the module. It is loaded instead of Debian's.
"""

import hashlib
import shutil
from pathlib import Path

from tests.lab.drivers import BuildError, run, unpack
from tests.lab.edits import Edit, EditError, apply
from tests.lab.gate import MissingError
from tests.lab.kernel import Kernel

NAME = "xen-gntdev.ko"

_FOLDER = "drivers/xen"
_SOURCES = ("gntdev.c", "gntdev-common.h", "gntdev-dmabuf.c", "gntdev-dmabuf.h")
_GRANT_TABLE = "grant-table.c"
_GRANT_DMA = "gntdev-grant-dma.c"
_BEGIN, _END = "#ifdef CONFIG_XEN_GRANT_DMA_ALLOC\n/**\n", "\n#endif\n"
_INCLUDES = "".join(
    f"#include <{each}.h>\n"
    for each in (
        *("linux/dma-mapping", "linux/highmem", "linux/mm"),
        *("xen/xen", "xen/page", "xen/grant_table", "xen/mem-reservation"),
    )
)
# The kernel does not export xen_scrub_pages, by which this helper scrubs or not; nor can a module export these.
_EDITS = (
    Edit("\t\txenmem_reservation_scrub_page(page);\n", "\t\tclear_highpage(page);\n"),
    Edit("EXPORT_SYMBOL_GPL(gnttab_dma_alloc_pages);\n", ""),
    Edit("EXPORT_SYMBOL_GPL(gnttab_dma_free_pages);\n", ""),
)
_MAKEFILE = f"""\
ccflags-y := -DCONFIG_XEN_GNTDEV_DMABUF=1 -DCONFIG_XEN_GRANT_DMA_ALLOC=1
obj-m := xen-gntdev.o
xen-gntdev-y := gntdev.o gntdev-dmabuf.o {_GRANT_DMA.removesuffix("c")}o
"""


def build(kernel: Kernel, work: Path) -> Path:
    """Build the module unless an earlier run did. Returns its file. Raises MissingError, BuildError."""
    folder = work / f"xen/gntdev-{kernel.version}"
    stamp, module = folder / "stamp", folder / NAME
    source = kernel.source.stat()
    ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    made_from = f"{kernel.version} {source.st_size} {source.st_mtime_ns} {ours}\n"
    if stamp.is_file() and stamp.read_text() == made_from:
        return module
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for tool in ("make", "gcc", "tar", "xz"):
        if shutil.which(tool) is None:
            raise MissingError(f"no {tool} to build xen-gntdev with (Debian: {tool.replace('xz', 'xz-utils')})")
    unpack(kernel, folder, _FOLDER, (*_SOURCES, _GRANT_TABLE))
    grant_table = folder / _GRANT_TABLE
    (folder / _GRANT_DMA).write_text(_grant_dma(grant_table.read_text()))
    grant_table.unlink()
    (folder / "Makefile").write_text(_MAKEFILE)
    run("make", "-C", str(kernel.build), f"M={folder}", "modules")
    if not module.is_file():
        raise BuildError(f"make succeeded without making {NAME}")
    stamp.write_text(made_from)
    return module


def _grant_dma(grant_table: str) -> str:
    """The functions of XEN_GRANT_DMA_ALLOC as a file of their own."""
    parts = grant_table.split(_BEGIN)
    if len(parts) != 2 or _END not in parts[1]:
        raise EditError(f"{_GRANT_TABLE} has no block of XEN_GRANT_DMA_ALLOC")
    block = parts[1].split(_END)[0]
    return apply(f"{_INCLUDES}\n/**\n{block}\n", _EDITS)
