"""What a window shows: whether it is what the user chose, and what follows when it is gone."""

from app.edid.mode import Mode
from app.errors import MdevviewError
from app.host.vgpu import Vgpu
from app.open.session import Session
from app.open.target import Default, Named, Target, parse_target
from app.open.waiter import next_target
from app.planes.status import Reason, State, Status


def is_shown(chosen: Vgpu | Target, session: Session, state: State) -> bool:
    """Whether the window has the chosen screen open already.

    A second open by this program would fail as busy, and each one of a VM's console costs the VM something.
    """
    if isinstance(chosen, Vgpu):
        is_same = session.vgpu is not None and chosen.name == session.vgpu.name
    else:
        shown = [each.target for each in session.consoles() if each.shown]
        if session.vgpu is None and (session.vm is not None or session.guest_name):
            shown.append(session.target)
        is_same = any(parse_target(each) == chosen for each in shown)
    return is_same and state is not State.GONE


def is_substitute(target: Target, session: Session) -> bool:
    """Whether a simulated vGPU is shown because the user named no target and this host has no vGPU."""
    return isinstance(target, Default) and session.vgpu is not None and session.vgpu.simulated


def target_of(chosen: Vgpu | Target) -> Target:
    return Named(chosen.name) if isinstance(chosen, Vgpu) else chosen


def again_target(target: Target, session: Session) -> Target:
    """The target that opens the same device again, or the next start of its VM."""
    simulated = session.vgpu is not None and session.vgpu.simulated
    return target if simulated else next_target(target, session)


def check_resolution(session: Session, resolution: Mode | None, *, follow: bool) -> None:
    """Raises MdevviewError where the guest cannot be asked for what the user wants, with the session closed."""
    try:
        if resolution is not None:
            session.resolution.check(resolution)
        elif follow and session.resolution.refusal is not None:
            raise session.resolution.refusal
    except MdevviewError:
        session.close()
        raise


def gone_text(gone: Status) -> str:
    """Why a device is gone."""
    return "the VM ended" if gone.reason is Reason.VM_ENDED else gone.detail or "the vGPU was removed"
