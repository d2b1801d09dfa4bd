"""Finds the vGPU that a user names by a UUID, the start of a UUID, or a PCI address."""

import re
from collections.abc import Sequence

from app.errors import AmbiguousTarget, NoSuchDevice
from app.host.vgpu import Vgpu

_PCI = re.compile(r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]")


def is_pci_address(text: str) -> bool:
    """Whether the text has the form of a PCI address, with or without a domain."""
    return _PCI.fullmatch(text) is not None


def find_vgpu(text: str, vgpus: Sequence[Vgpu]) -> Vgpu:
    """The vGPU whose name is ``text`` (in lower case), or the only one whose UUID starts with it.

    Raises NoSuchDevice if none fits, AmbiguousTarget if several fit.
    """
    fitting = tuple(each for each in vgpus if _fits(text, each))
    exact = [each for each in fitting if each.name == text]
    if exact or len(fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        raise AmbiguousTarget(
            f"{text} fits {len(fitting)} vGPUs: {enumerate_vgpus(fitting)}", "give more of the UUID", names_of(fitting)
        )
    known = f"there are: {enumerate_vgpus(vgpus)}" if vgpus else "this host has none ('mdevview doctor' says why)"
    raise NoSuchDevice(f"no vGPU {text}", known)


def enumerate_vgpus(vgpus: Sequence[Vgpu]) -> str:
    """The names of vGPUs with their types, for a message."""
    return ", ".join(f"{each.name} ({each.type_id})" if each.type_id else each.name for each in vgpus)


def names_of(vgpus: Sequence[Vgpu]) -> tuple[str, ...]:
    """The sysfs names of vGPUs, in the given order."""
    return tuple(each.name for each in vgpus)


def _fits(text: str, vgpu: Vgpu) -> bool:
    if is_pci_address(text):
        return vgpu.name in (text, f"0000:{text}")
    return vgpu.uuid is not None and vgpu.uuid.startswith(text)
