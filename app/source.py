"""A source: a device opened for viewing, and what the poller must know of it."""

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass

from app.abi import vfio
from app.device.discovery import discover, present
from app.device.errors import UsageError
from app.device.info import region_info
from app.device.opening import device_from_fd, open_vgpu
from app.device.paths import HOST, Paths
from app.device.seam import Device
from app.device.target import InheritedFd, Simulated, Target, resolve
from app.device.vgpu import Vgpu
from app.oserrors import in_words
from app.planes.buffer_cache import FetchRule
from app.planes.poller import Poller

_log = logging.getLogger(__name__)

# The sample driver whose exports must not be repeated, as its module is called; and its PCI identity.
_FETCH_ONCE_MODULE = "mbochs"
_MBOCHS_PCI_ID = (0x1234, 0x1111)


@dataclass(frozen=True, slots=True)
class Source:
    """``target`` is what names it again, ``label`` what a person sees. The device belongs to whoever holds this."""

    target: str
    label: str
    device: Device
    vgpu: Vgpu | None
    rule: FetchRule
    present: Callable[[], bool]

    def poller(self) -> Poller:
        """A poller that takes the device over."""
        return Poller(self.device, self.rule, self.present)


def open_source(target: Target, paths: Paths = HOST) -> Source:
    """Look the target up and open it. Raises MdevviewError."""
    looks_up = not isinstance(target, Simulated | InheritedFd)
    return open_resolved(resolve(target, discover(paths) if looks_up else ()), paths)


def open_resolved(chosen: Vgpu | Simulated | InheritedFd, paths: Paths = HOST) -> Source:
    """Open what a target was resolved to. Raises MdevviewError."""
    match chosen:
        case Simulated(spec):
            return _open_simulated(spec)
        case InheritedFd(fd):
            device = device_from_fd(fd)
            return Source(f"fd:{fd}", f"fd {fd}", device, None, _rule_of_unknown(device, paths), lambda: True)
        case Vgpu():
            device = open_vgpu(chosen, paths)
            return Source(chosen.name, chosen.name, device, chosen, rule_of(chosen), lambda: present(chosen, paths))


def rule_of(vgpu: Vgpu) -> FetchRule:
    """The rule for a vGPU that nobody else has open.

    The driver's name decides where sysfs does not tell its module: the changed driver has the same one, and the careful
    rule costs it nothing but buffers held longer.
    """
    return FetchRule.ONCE if (vgpu.module or vgpu.driver) == _FETCH_ONCE_MODULE else FetchRule.FREELY


def _open_simulated(spec: str) -> Source:
    # Imported where it is used: the simulator needs numpy, which costs a command without it 100 ms.
    from app.sim.open import open_simulated  # noqa: PLC0415

    try:
        device = open_simulated(spec)
    except ValueError as error:
        raise UsageError(f"sim:{spec}: {error}") from error
    target = f"sim:{spec}"
    label = f"{target.split(',', maxsplit=1)[0]} (simulated)"
    return Source(target, label, device, device.vgpu, rule_of(device.vgpu), device.present)


def _rule_of_unknown(device: Device, paths: Paths) -> FetchRule:
    """The rule for a device that came as a fd: nothing tells its driver, and its other holders may have fetched."""
    if not (paths.sys / "module" / _FETCH_ONCE_MODULE).exists():
        return FetchRule.FREELY
    try:
        config = region_info(device, vfio.VFIO_PCI_CONFIG_REGION_INDEX)
        identity = device.pread(4, config.offset)
        if len(identity) != 4:
            raise OSError(errno.EIO, "short read of the configuration space")
    except OSError as error:
        _log.info("the device's PCI identity is unknown: %s", in_words(error))
        return FetchRule.NEVER
    found = (int.from_bytes(identity[:2], "little"), int.from_bytes(identity[2:], "little"))
    return FetchRule.NEVER if found == _MBOCHS_PCI_ID else FetchRule.FREELY
