"""Opens devices that no VM has: a fd that the parent process left open, and a simulated device."""

from collections.abc import Callable

from app.attach.device_node import device_from_fd
from app.errors import UsageError
from app.host.paths import Paths
from app.host.proc import own_syspath
from app.vfio.end_detector import EndDetector
from app.vfio.fetch_rule import rule_of, rule_of_fd
from app.vfio.opened_device import OpenedDevice


def open_inherited(fd: int, paths: Paths) -> OpenedDevice:
    is_present = _presence(fd, paths)
    device = device_from_fd(fd)
    rule = rule_of_fd(device, paths)
    return OpenedDevice(f"fd:{fd}", f"fd {fd}", device, None, rule, EndDetector(is_present))


def _presence(fd: int, paths: Paths) -> Callable[[], bool] | None:
    """A function that tells whether the device of a fd still exists; None if the device is unknown (Linux < 6.18)."""
    syspath = own_syspath(fd, paths)
    # While a removal waits for the holders, the device's folder stays, but its link on the bus vanishes at once.
    link = paths.sys / "bus/mdev/devices" / syspath.rsplit("/", 1)[-1] if syspath else None
    return link.exists if link is not None and link.exists() else None


def open_simulated_device(spec: str, own_process: bool) -> OpenedDevice:
    # Imported here, because most commands do not need the simulator, and the import of numpy takes 100 ms.
    from app.sim.profile import open_simulated  # noqa: PLC0415

    try:
        device = open_simulated(spec, own_process=own_process)
    except ValueError as error:
        raise UsageError(f"sim:{spec}: {error}") from error
    target = f"sim:{spec}"
    label = f"{target.split(',', maxsplit=1)[0]} (simulated)"
    process = device.guest.process
    ended = EndDetector(device.present, process, "the process of the simulated guest")
    return OpenedDevice(
        target,
        label,
        device,
        device.vgpu,
        rule_of(device.vgpu),
        ended,
        process,
        true_flip_ns=device.frame_flip_ns,
        flips_lost=device.flips_lost,
        host_faults=device.host_faults,
    )
