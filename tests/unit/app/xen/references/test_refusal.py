"""Why EXP_FROM_REFS failed, in the words of the host."""

import errno
import os

import pytest

from app.host.xen import KernelOption, XenHost
from app.xen.references.refusal import why_not_exported

_OPTION, _DRIVER, _XEN = "without CONFIG_XEN_GNTDEV_DMABUF", "the driver refuses it in a PV domain", "Xen refuses it"


@pytest.mark.parametrize(
    ("guest_type", "machine", "code", "says"),
    [
        ("PV", "x86_64", errno.ENOTTY, {_OPTION, _DRIVER}),
        ("PV", "x86_64", errno.EINVAL, {_DRIVER}),
        ("PVH", "x86_64", errno.EINVAL, {_XEN}),
        ("HVM", "x86_64", errno.ENOTTY, {_OPTION, _XEN}),
        ("HVM", "x86_64", errno.ENOMEM, set()),
        ("HVM", "aarch64", errno.ENOTTY, {_OPTION}),
        # The error of a wrong reference, which shows when the pages are mapped.
        ("HVM", "aarch64", errno.EINVAL, set()),
    ],
)
def test_error_is_explained_by_the_domain_and_the_processor(
    guest_type: str, machine: str, code: int, says: set[str]
) -> None:
    host = XenHost(True, guest_type, "4.20", machine, (), KernelOption.UNKNOWN, "")
    words = why_not_exported(OSError(code, os.strerror(code)), host)
    assert words.startswith(f"EXP_FROM_REFS: {errno.errorcode[code]}")
    assert {each for each in (_OPTION, _DRIVER, _XEN) if each in words} == says


def test_host_that_is_not_known_adds_nothing() -> None:
    words = why_not_exported(OSError(errno.EINVAL, os.strerror(errno.EINVAL)), None)
    assert words == "EXP_FROM_REFS: EINVAL: Invalid argument"
