"""The changes that make mbochs_rw from mbochs: its exports are writable and counted correctly.

The rest of the driver is unchanged. So if something works with mbochs_rw and not with mbochs, the cause is one of
these faults of mbochs (Linux 6.12, samples/vfio-mdev/mbochs.c):

- the first query of a mode allocates a buffer and does not assign it, so the query fails with ENOMEM;
- the export is read-only, so no software renderer can map it;
- further fds of a buffer that was exported get no reference of their own;
- each release drops the page references of the allocation, which were taken only once;
- a dma-buf that is released after its device locks a mutex in freed memory.

The last three corrupt the kernel. Each edit must match the given number of times. If the kernel's source has changed,
that is an error, and no half-changed driver is built.
"""

from dataclasses import dataclass

NAME = "mbochs_rw"


@dataclass(frozen=True)
class Edit:
    old: str
    new: str
    times: int = 1


EDITS = (
    # Another name in sysfs, of the class, the driver and the char device, so that both modules can be loaded.
    Edit('_NAME\t\t  "mbochs"', f'_NAME\t\t  "{NAME}"'),
    Edit('_NAME\t  "mbochs"', f'_NAME\t  "{NAME}"'),
    Edit('.name = "mbochs"', f'.name = "{NAME}"'),
    Edit("\t\tmbochs_dmabuf_alloc(mdev_state, &mode);", "\t\tdmabuf = mbochs_dmabuf_alloc(mdev_state, &mode);"),
    Edit(
        "\tbuf = dma_buf_export(&exp_info);",
        "\texp_info.flags = O_RDWR;\n\n\tbuf = dma_buf_export(&exp_info);",
    ),
    # Each export takes its own references to the pages and to the device; its release drops them.
    Edit(
        "\tdmabuf->buf = buf;\n",
        """\
	for (pgoff_t pg = 0; pg < dmabuf->pagecount; pg++)
		get_page(dmabuf->pages[pg]);
	get_device(&mdev_state->vdev.device);
	dmabuf->buf = buf;
""",
    ),
    Edit(
        "\tdmabuf->buf = NULL;\n\tif (dmabuf->unlinked)\n\t\tkfree(dmabuf);\n\tmutex_unlock(&mdev_state->ops_lock);\n",
        """\
	dmabuf->buf = NULL;
	if (dmabuf->unlinked)
		mbochs_dmabuf_free(dmabuf);
	mutex_unlock(&mdev_state->ops_lock);
	put_device(&mdev_state->vdev.device);
""",
    ),
    # The references of the allocation are dropped with the buffer.
    Edit(
        "static void mbochs_release_dmabuf(",
        """\
static void mbochs_dmabuf_free(struct mbochs_dmabuf *dmabuf)
{
	pgoff_t pg;

	for (pg = 0; pg < dmabuf->pagecount; pg++)
		put_page(dmabuf->pages[pg]);
	kfree(dmabuf->pages);
	kfree(dmabuf);
}

static void mbochs_release_dmabuf(""",
    ),
    Edit(
        "\t\t} else {\n\t\t\tkfree(dmabuf);\n",
        "\t\t} else {\n\t\t\tmbochs_dmabuf_free(dmabuf);\n",
    ),
    Edit("#include <linux/highmem.h>\n", "#include <linux/delay.h>\n#include <linux/highmem.h>\n"),
    # A reference for the next fd. If the file is being released, wait until that is done.
    Edit(
        "\tif (!dmabuf->buf)\n\t\tmbochs_dmabuf_export(dmabuf);\n",
        """\
	if (dmabuf->buf && !get_file_active(&dmabuf->buf->file)) {
		mutex_unlock(&mdev_state->ops_lock);
		usleep_range(50, 100);
		return mbochs_get_gfx_dmabuf(mdev_state, id);
	}
	if (!dmabuf->buf)
		mbochs_dmabuf_export(dmabuf);
""",
    ),
)


class EditError(Exception):
    """An edit does not match the source of the driver."""


def apply(source: str, edits: tuple[Edit, ...] = EDITS) -> str:
    for edit in edits:
        found = source.count(edit.old)
        if found != edit.times:
            raise EditError(f"mbochs.c has {edit.old.strip()!r} {found} times, not {edit.times}")
        source = source.replace(edit.old, edit.new)
    return source
