"""When a guest counts as watched."""

import pytest

from app.planes.status import Reason, Status
from ui.window.fullscreen.watched import is_watched


@pytest.mark.parametrize(
    ("status", "fullscreen", "exposed", "watched"),
    [
        (Status(Reason.OK), True, True, True),
        (Status(Reason.NO_IMPORT_EXTENSION), True, True, True),
        (Status(Reason.OK), False, True, False),
        (Status(Reason.OK), True, False, False),
        (Status(Reason.PLANE_OFF), True, True, False),
        (Status(Reason.VM_ENDED), True, True, False),
        (Status(Reason.NOT_STARTED), True, True, False),
        (Status(Reason.RENDER_FAILED), True, True, False),
    ],
)
def test_a_guest_is_watched_while_its_picture_is_seen_in_fullscreen(
    status: Status, fullscreen: bool, exposed: bool, watched: bool
) -> None:
    """A guest that is off or gone does not keep the host's screen on."""
    assert is_watched(status, fullscreen=fullscreen, exposed=exposed) is watched
