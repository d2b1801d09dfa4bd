"""Why the primary plane is off: never on, gone off, or no guest that draws."""

from collections.abc import Iterator

from app.device.device_facts import PCI_COMMAND_MASTER
from app.diagnosis.finding import Finding
from app.diagnosis.picture.host_facts import VmFacts
from app.diagnosis.picture.picture_facts import PictureFacts
from app.diagnosis.picture.picture_keys import PictureKey, key_of
from app.diagnosis.picture.vm_findings import failsafe_line
from app.host.vgpu import Use, Vgpu, is_gvt, is_nvidia
from app.planes.plane import PlaneKind

# Up to this age of a VM, a plane that is off was most likely never on.
_YOUNG_S = 120.0
_ADD_OPREGION = (
    "Add x-igd-opregion=on to the device's options (libvirt 8.2 or later: a qemu:property in qemu:override; "
    "'mdevview run' adds it), then restart the VM."
)
# QEMU refuses ramfb=on without display=on (hw/vfio/pci.c), and display=on without OpenGL in its own display if the
# planes are dma-bufs (hw/vfio/display.c). A ramfb device of its own needs neither.
_ADD_RAMFB = (
    "To see them, start the VM with -device ramfb (or -device vfio-pci-nohotplug,...,display=on,ramfb=on) and look at "
    "QEMU's own display, as -display gtk,gl=on or VNC: it shows that picture, the vGPU does not."
)
_NO_BOOT_SCREEN = (
    "There is no boot screen on this vGPU: it shows nothing before the guest's driver starts, and the screens of "
    "firmware and boot loader are elsewhere."
)
# These drivers keep the command register as it is, whatever the guest does (samples/vfio-mdev/mbochs.c, mdpy.c).
_FIXED_COMMAND = ("mbochs", "mbochs_rw", "mdpy", "mtty")


def plane_off_findings(facts: PictureFacts) -> Iterator[Finding]:
    """At least one finding. ``facts.status`` says that the plane is off, or that the vGPU is not set up."""
    vgpu, vm, history = facts.vgpu, facts.host.vm, facts.history
    if history.shown_before:
        evidence = "" if history.off_s is None else f"off for {history.off_s:.0f} s"
        yield PictureKey.PLANE_WENT_OFF.finding(evidence, "Move the guest's pointer or press a key in it.")
        return
    if vgpu is not None and not vgpu.simulated and vm is None and vgpu.use is Use.FREE:
        yield PictureKey.NO_VM.finding(f"{vgpu.name}: no process has it open", "Start the VM with this vGPU.")
        return
    idle = _is_idle(facts)
    no_opregion = is_gvt(vgpu) and vm is not None and vm.opregion is False
    if idle:
        yield PictureKey.GUEST_DRIVER_NOT_LOADED.finding(
            f"PCI command register 0x{facts.pci_command:04x}: no bus mastering{_age(vm)}",
            "Wait until the guest has booted; install the driver of this GPU in it (Intel i915, NVIDIA GRID).",
        )
    if no_opregion:
        yield PictureKey.OPREGION_MISSING.finding("the VM's vfio-pci device has x-igd-opregion=off", _ADD_OPREGION)
    elif is_gvt(vgpu) and vm is not None and vm.opregion_unset:
        yield PictureKey.OPREGION_MISSING.finding(
            "the VM's vfio-pci device has no option x-igd-opregion, which QEMU before 10.1 takes as off",
            _ADD_OPREGION,
            "Perhaps the VM has no OpRegion for this GVT-g vGPU: most guest drivers then find no display.",
        )
    if not idle and not no_opregion and failsafe_line(facts.host) is None:
        yield _generic(facts)
    if vm is not None and (idle or _is_young(vm)):
        yield from _firmware(vgpu, vm)


def _generic(facts: PictureFacts) -> Finding:
    """The plane is off, and nothing tells why."""
    vm = facts.host.vm
    status = next((each.status for each in facts.planes if each.kind is PlaneKind.PRIMARY), facts.status)
    if vm is not None and vm.age_s is not None and not _is_young(vm):
        # It was attached to late: the guest may have shown a picture before.
        return key_of(status.reason).finding(status.detail, "Wake the guest: move its pointer or press a key in it.")
    evidence = f"off for {facts.history.watched_s:.1f} s, since mdevview looks{_age(vm)}"
    if status.detail:
        evidence += f"; {status.detail}"
    return PictureKey.PLANE_NEVER_ENABLED.finding(
        evidence, "Wait until the guest has booted, or look whether it loads a driver for this GPU."
    )


def _firmware(vgpu: Vgpu | None, vm: VmFacts) -> Iterator[Finding]:
    """Where the screens of firmware and boot loader are. A guest's firmware has no driver for GVT-g and NVIDIA vGPUs.

    It draws into the sample drivers' vGPUs (SeaBIOS with the vgabios of QEMU's bochs-display).
    """
    virtual = is_gvt(vgpu) or is_nvidia(vgpu)
    if vm.firmware_screen is not None:
        evidence, remedy = f"the VM has a {vm.firmware_screen} for that", "Look at the display of the VM's own program."
    elif not virtual:
        return
    elif vm.ramfb is False:
        evidence = "the VM has no ramfb and no other display device"
        remedy = _ADD_RAMFB
    elif vm.ramfb:
        evidence, remedy = "the VM has ramfb", "Look at the display of the VM's own program."
    else:
        return
    yield PictureKey.FIRMWARE_SCREEN_ELSEWHERE.finding(evidence, remedy, _NO_BOOT_SCREEN if virtual else "")


def _is_idle(facts: PictureFacts) -> bool:
    """Whether the command register proves that no driver of the guest uses the vGPU."""
    vgpu, command = facts.vgpu, facts.pci_command
    if vgpu is None or command is None or (vgpu.module or vgpu.driver) in _FIXED_COMMAND:
        return False
    return not command & PCI_COMMAND_MASTER


def _is_young(vm: VmFacts) -> bool:
    return vm.age_s is not None and vm.age_s < _YOUNG_S


def _age(vm: VmFacts | None) -> str:
    return f"; the VM is {vm.age_s:.0f} s old" if vm is not None and vm.age_s is not None else ""
