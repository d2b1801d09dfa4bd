"""Ioctl request numbers as in ``include/uapi/asm-generic/ioctl.h`` (x86, arm64, riscv)."""

_IOC_NRSHIFT = 0
_IOC_TYPESHIFT = 8
_IOC_SIZESHIFT = 16
_IOC_DIRSHIFT = 30

_IOC_NONE = 0
_IOC_WRITE = 1
_IOC_READ = 2


def _ioc(direction: int, kind: int, number: int, size: int) -> int:
    return direction << _IOC_DIRSHIFT | size << _IOC_SIZESHIFT | kind << _IOC_TYPESHIFT | number << _IOC_NRSHIFT


def io(kind: int, number: int) -> int:
    """``_IO``: the number has no argument size."""
    return _ioc(_IOC_NONE, kind, number, 0)


def iow(kind: int, number: int, size: int) -> int:
    """``_IOW``: the kernel reads ``size`` bytes of the argument."""
    return _ioc(_IOC_WRITE, kind, number, size)


def iowr(kind: int, number: int, size: int) -> int:
    """``_IOWR``: the kernel reads and writes ``size`` bytes of the argument."""
    return _ioc(_IOC_READ | _IOC_WRITE, kind, number, size)
