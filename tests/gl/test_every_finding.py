"""Each finding about a picture has a test, or a target, that really brings it about: no facts made up for it."""

import ast
from pathlib import Path

import pytest

from app.diagnosis.picture.picture_keys import PictureKey
from tests.gl.test_picture_facts import FOUND

K = PictureKey
_TESTS = Path(__file__).parents[1]

_MESSAGES = "unit/app/dbus_display/picture/test_console_listener_findings.py"
_DISPLAYS = "gl/test_findings_of_displays.py"
_FACTS = "gl/test_picture_facts.py"
_REFUSALS = "lab/inside/program/test_refusals.py"
_NODE = "unit/app/attach/test_device_node.py"
_CONSOLE = "unit/app/dbus_display/picture/test_console_source.py"
_WAITER = "unit/app/open/test_waiter.py"

# The findings that no target of test_picture_facts.FOUND has: file and function of the test.
PROVEN: dict[PictureKey, tuple[str, str]] = {
    # Errors that end a command.
    K.NEEDS_RUNNING_VM: (_NODE, "test_what_the_kernels_errors_mean"),
    K.PERMISSION_DENIED: (
        "lab/inside/program/test_refusals.py",
        "test_unprivileged_user_is_told_the_file_and_its_group",
    ),
    K.DEVICE_BUSY: (_REFUSALS, "test_busy_device_names_its_holder"),
    K.NO_SUCH_DEVICE: (_REFUSALS, "test_unknown_uuid_is_no_such_device"),
    K.PROCESS_GONE: ("unit/app/attach/test_running_vm.py", "test_vm_that_ends_while_it_is_attached_to_is_gone"),
    K.DEVICE_GONE: (_NODE, "test_device_removed_meanwhile_is_gone"),
    K.NOT_OPENED: ("unit/ui/window/test_viewer.py", "test_user_goes_on_from_an_error_at_opening"),
    K.OPEN_FAILED: (_NODE, "test_group_shared_with_the_host_is_not_viable"),
    K.USAGE: ("unit/app/open/test_target.py", "test_bad_targets"),
    K.AMBIGUOUS_TARGET: ("unit/app/open/test_target.py", "test_no_target_means_the_only_vgpu_or_a_simulated_one"),
    K.RESOLUTION_REFUSED: (
        "unit/app/vfio/test_edid_resolution.py",
        "test_a_refusal_is_one_line_that_names_the_limit",
    ),
    K.NO_PICTURE: ("gl/test_faults.py", "test_a_fault_has_its_state_reason_and_exit_status"),
    K.FAILED: ("unit/app/diagnosis/test_unhandled_error.py", "test_each_kind_of_error"),
    # There is nothing to look at yet, or any more.
    K.VM_ENDED: ("unit/app/vfio/test_end_detector.py", "test_vms_end_is_the_next_polls_answer_and_lets_everything_go"),
    K.DEVICE_REMOVED: (_FACTS, "test_a_device_that_was_removed_has_no_other_finding"),
    K.NOT_STARTED: ("unit/app/vfio/test_poller.py", "test_a_frame_that_no_poll_found_has_no_timing"),
    K.DISPLAY_CLOSED: (_CONSOLE, "test_a_connection_that_closed_is_told_and_the_next_picture_shown"),
    K.NO_SCANOUT: (_CONSOLE, "test_a_console_has_no_picture_before_the_first_scanout"),
    K.NO_DEVICE: (_WAITER, "test_what_is_waited_for_is_said"),
    K.VM_NOT_RUNNING: (_WAITER, "test_what_is_waited_for_is_said"),
    K.ASKING_PERMISSION: (_WAITER, "test_person_is_asked_in_the_background_and_the_answer_is_taken_at_once"),
    # There is no plane.
    K.NO_VM: ("unit/app/open/test_host_facts_source.py", "test_a_free_vgpu_whose_plane_is_off_has_no_vm"),
    K.PLANE_WENT_OFF: (_FACTS, "test_a_plane_that_went_off_was_on"),
    K.PLANE_OFF: ("gl/test_faults.py", "test_a_fault_has_its_state_reason_and_exit_status"),
    K.NOT_INITIALIZED: ("gl/test_faults.py", "test_a_fault_has_its_state_reason_and_exit_status"),
    K.DEVICE_FAULT: ("unit/app/vfio/test_poller.py", "test_a_query_error_is_no_plane_now_and_the_picture_returns"),
    K.CURSOR_OFF: ("gl/test_screenshot.py", "test_a_cursor_that_cannot_be_saved_says_why"),
    K.NO_CURSOR_PLANE: ("gl/test_screenshot.py", "test_a_cursor_that_cannot_be_saved_says_why"),
    # There is a plane, but it or its buffer cannot be used.
    K.FETCHED_ELSEWHERE: ("lab/inside/program/test_mbochs.py", "test_handed_over_device_is_not_fetched_from"),
    K.FETCHED_BEFORE: ("unit/app/vfio/test_fetch_rule.py", "test_first_viewer_of_a_vm_is_shown_and_a_second_is_not"),
    K.BAD_GEOMETRY: (_FACTS, "test_a_hostile_device_has_a_finding"),
    K.UNKNOWN_FORMAT: (_FACTS, "test_a_hostile_device_has_a_finding"),
    K.SEVERAL_MEMORY_PLANES: (
        "unit/app/dbus_display/picture/test_console_listener_dmabuf.py",
        "test_several_memory_planes_are_told_and_closed",
    ),
    K.RENDER_FAILED: (_DISPLAYS, "test_render_failed"),
    K.UPLOAD_FAILED: (_DISPLAYS, "test_upload_failed"),
    # The recording itself.
    K.RECORDING_DAMAGED: ("gl/test_recordings.py", "test_what_a_recording_lacks_is_a_finding"),
    K.PIXELS_LEFT_OUT: ("gl/test_recordings.py", "test_what_a_recording_lacks_is_a_finding"),
    # The GPU does not get at the pixels.
    K.IMPORT_AWAITED: (_DISPLAYS, "test_import_awaited"),
    K.IMPORT_ON_TRIAL: (_DISPLAYS, "test_import_on_trial_and_then_the_crash"),
    K.IMPORT_CRASHES_DRIVER: ("attacks/test_driver_crash.py", "test_commands_show_the_picture_and_try_once"),
    K.BRIDGE: (_DISPLAYS, "test_bridge"),
    K.NO_IMPORT_EXTENSION: (_DISPLAYS, "test_no_import_extension"),
    K.NO_DMA_BUF: (_DISPLAYS, "test_a_memfd_and_a_gpu"),
    K.EXTERNAL_ONLY: (_DISPLAYS, "test_external_only"),
    K.IMPORT_FAILED: (_DISPLAYS, "test_import_failed"),
    K.TILING_UNKNOWN: (_FACTS, "test_a_hostile_device_has_a_finding"),
    K.NOT_READABLE: (_DISPLAYS, "test_not_readable"),
    # What was seen on the connection to QEMU's display.
    K.DISPLAY_UNKNOWN_PIXMAN: (_MESSAGES, "test_an_unknown_format"),
    K.DISPLAY_MAP_TOO_SMALL: (_MESSAGES, "test_memory_that_is_too_small"),
    K.DISPLAY_WRONG_FD: (_MESSAGES, "test_a_file_in_place_of_the_memory"),
    K.DISPLAY_BUFFER_LOST: (_MESSAGES, "test_a_guest_that_waits_and_a_buffer_that_was_lost"),
    K.DISPLAY_PART_OF_LARGER: (_MESSAGES, "test_a_part_of_a_larger_buffer"),
    K.DISPLAY_BAD_MESSAGE: (_MESSAGES, "test_a_message_that_makes_no_sense"),
    K.DISPLAY_BY_VALUE: (_MESSAGES, "test_pixels_inside_the_messages"),
    K.DISPLAY_DAMAGE_OUTSIDE: (_MESSAGES, "test_changes_outside_the_picture"),
    K.DISPLAY_PACED_BY_US: (_MESSAGES, "test_a_guest_that_waits_and_a_buffer_that_was_lost"),
    # There is a picture.
    K.MODE_NOT_TAKEN: (
        "window/test_explanations.py",
        "test_a_mode_that_the_guest_does_not_take_is_told_until_another_is_chosen",
    ),
    K.PICTURE_UNCHANGED: (_FACTS, "test_a_frozen_guest_does_not_change_its_picture"),
}


def test_every_finding_is_brought_about() -> None:
    by_target = {key for keys in FOUND.values() for key in keys}
    assert by_target | {each.key for each in PROVEN} == {each.key for each in PictureKey}
    assert not by_target & {each.key for each in PROVEN}, "the table names what a target brings about already"


@pytest.mark.parametrize("place", sorted(set(PROVEN.values())), ids=lambda place: place[1])
def test_the_named_test_is_there(place: tuple[str, str]) -> None:
    file, name = place
    tree = ast.parse((_TESTS / file).read_text())
    assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
