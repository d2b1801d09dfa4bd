"""What xen-gntdev answers to both of its dma-buf ioctls, of nothing: a line with the names of the errors.

Run before the lab's own module is loaded, it tells of Debian's.
"""

import errno
import os

from app.xen.access.gntdev import Gntdev


def dmabuf_errors() -> list[str]:
    gntdev = Gntdev(os.open("/dev/xen/gntdev", os.O_RDWR | os.O_CLOEXEC))
    names = []
    for call in (lambda: gntdev.export(0, [0]), lambda: gntdev.grant_dmabuf(-1, 1, 0)):
        try:
            call()
        except OSError as error:
            names.append(errno.errorcode[error.errno or 0])
    gntdev.close()
    return names


if __name__ == "__main__":
    print(*dmabuf_errors())
