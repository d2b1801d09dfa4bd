"""Request numbers of Xen's device files: all are ``_IOC_NONE`` with a size (``include/uapi/asm-generic/ioctl.h``)."""


def ioc_none(kind: str, number: int, size: int) -> int:
    """``_IOC(_IOC_NONE, kind, number, size)``. A struct with a flexible last member counts with one element in it."""
    return size << 16 | ord(kind) << 8 | number
