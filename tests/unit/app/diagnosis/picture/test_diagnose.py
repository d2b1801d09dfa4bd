"""Every finding about a picture: the facts that bring it about, what it is listed with, and its evidence."""

from dataclasses import replace

import pytest

from app.abi import drm_fourcc as drm
from app.device.gfx_plane import DisplayOffer
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import HostFacts, RecordingFacts, RunState
from app.diagnosis.picture.picture_facts import (
    FormatSupport,
    HistoryFacts,
    ImportEvidence,
    ImportProof,
    ModeRequest,
    PictureFacts,
    RendererFacts,
)
from app.diagnosis.picture.picture_findings import error_finding
from app.diagnosis.picture.picture_keys import PictureKey, key_of, rank_of
from app.errors import MdevviewError
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from app.planes.outcome import PixelPath
from app.planes.status import Reason, Status
from tests.unit.app.diagnosis.picture.facts import (
    CURSOR,
    EXPORTER,
    FAILSAFE,
    GVT,
    LLVMPIPE,
    MBOCHS,
    PRIMARY,
    REGION,
    RENDERER,
    ROUTE,
    RUNNING,
    X_TILED,
    XR24,
    YOUNG,
    cursor,
    not_imported,
    off,
    picture,
    shown,
)

K = PictureKey
NEVER_SHOWN = HistoryFacts(watched_s=0.5)
UNREADABLE = ImportEvidence(ImportProof.UNREADABLE, "eglCreateImage succeeded; draw: GL_OUT_OF_MEMORY")
CRASHED = ImportEvidence(ImportProof.CRASHED, "eglCreateImage made no image; the trial was ended by SIGSEGV")


def refused(reason: Reason) -> PictureFacts:
    """A picture whose cursor plane has this fault."""
    return picture(shown(), cursor(status=Status(reason, "EINVAL: Invalid argument"), path=None))


# The first finding, all keys in order, and what the evidence of the first says.
CASES: dict[PictureKey, tuple[PictureFacts, tuple[PictureKey, ...], str]] = {
    K.VM_STOPPED: (
        picture(vm=replace(RUNNING, state=RunState.STOPPED, state_evidence="state T in /proc")),
        (K.VM_STOPPED,),
        "process 7; state T in /proc",
    ),
    K.VM_FAILED: (picture(vm=replace(RUNNING, state=RunState.FAILED)), (K.VM_FAILED,), "process 7"),
    K.VM_SHUT_DOWN: (
        picture(off(), vm=replace(RUNNING, state=RunState.SHUT_DOWN)),
        (K.VM_SHUT_DOWN, K.PLANE_OFF),
        "query-status",
    ),
    K.MODE_NOT_TAKEN: (picture(late_mode=ModeRequest(1920, 1080)), (K.MODE_NOT_TAKEN,), "1920x1080; shown 640x480"),
    K.VM_PAUSED: (
        # That the picture does not change is explained.
        picture(vm=replace(RUNNING, state=RunState.PAUSED), history=HistoryFacts(60, True, None, 50.0)),
        (K.VM_PAUSED,),
        "query-status",
    ),
    K.VM_SUSPENDED: (picture(vm=replace(RUNNING, state=RunState.SUSPENDED)), (K.VM_SUSPENDED,), "query-status"),
    K.NO_VM: (picture(off(), vm=None, vgpu=replace(GVT, holders=())), (K.NO_VM,), "no process has it open"),
    K.GVT_FAILSAFE: (
        picture(off(), vm=YOUNG, lines=("gvt: vgpu 1: reset", FAILSAFE)),
        (K.GVT_FAILSAFE, K.FIRMWARE_SCREEN_ELSEWHERE, K.KERNEL_MESSAGES),
        FAILSAFE,
    ),
    K.GUEST_DRIVER_NOT_LOADED: (
        picture(off(), vm=replace(RUNNING, opregion=True, ramfb=False), pci_command=3),
        (K.GUEST_DRIVER_NOT_LOADED, K.FIRMWARE_SCREEN_ELSEWHERE),
        "0x0003",
    ),
    K.OPREGION_MISSING: (
        # Without it the guest's driver may never start.
        picture(off(), vm=replace(RUNNING, opregion=False, ramfb=False), pci_command=3),
        (K.OPREGION_MISSING, K.GUEST_DRIVER_NOT_LOADED, K.FIRMWARE_SCREEN_ELSEWHERE),
        "x-igd-opregion",
    ),
    K.PLANE_NEVER_ENABLED: (
        # The command register of mbochs proves nothing.
        picture(off(), vm=YOUNG, vgpu=MBOCHS, pci_command=3, history=NEVER_SHOWN),
        (K.PLANE_NEVER_ENABLED,),
        "the VM is 20 s old",
    ),
    K.PLANE_WENT_OFF: (
        picture(off(), history=HistoryFacts(60.0, True, off_s=42.4)),
        (K.PLANE_WENT_OFF,),
        "off for 42 s",
    ),
    K.PLANE_OFF: (picture(off(), history=NEVER_SHOWN), (K.PLANE_OFF,), ""),
    K.FIRMWARE_SCREEN_ELSEWHERE: (
        picture(off(), vm=replace(YOUNG, firmware_screen="VGA", opregion=None), pci_command=3),
        (K.GUEST_DRIVER_NOT_LOADED, K.FIRMWARE_SCREEN_ELSEWHERE),
        "",
    ),
    K.NOT_INITIALIZED: (picture(off(Reason.NOT_INITIALIZED, "ENODEV")), (K.NOT_INITIALIZED,), "ENODEV"),
    **{
        key_of(reason): (
            picture(off(reason, "EXXX: words"), history=HistoryFacts(2.0, False, query_errors=(("EXXX", 41),))),
            (key_of(reason),),
            "EXXX: words; EXXX 41 times in 2.0 s",
        )
        for reason in (
            Reason.QUERY_REJECTED,
            Reason.FRAMEBUFFER_UNMAPPED,
            Reason.OUT_OF_MEMORY,
            Reason.DEVICE_FAULT,
        )
    },
    **{
        key_of(reason): (picture(off(reason, "words")), (key_of(reason),), "words")
        for reason in (
            *(Reason.VM_ENDED, Reason.DEVICE_REMOVED, Reason.NOT_STARTED, Reason.NO_DEVICE, Reason.VM_NOT_RUNNING),
            *(Reason.DISPLAY_CLOSED, Reason.NO_SCANOUT, Reason.SEVERAL_MEMORY_PLANES),
            *(
                Reason.ASKING_PERMISSION,
                Reason.PERMISSION_DENIED,
                Reason.OPEN_FAILED,
                Reason.NOT_OPENED,
                Reason.NO_DISPLAY,
            ),
            *(Reason.FETCHED_ELSEWHERE, Reason.FETCHED_BEFORE, Reason.FETCH_FAILED, Reason.BUFFER_TRUNCATED),
            *(Reason.BAD_GEOMETRY, Reason.UNKNOWN_FORMAT, Reason.RENDER_FAILED, Reason.UPLOAD_FAILED),
            *(Reason.CURSOR_OFF, Reason.NO_CURSOR_PLANE),
        )
    },
    **{
        key_of(reason): (picture(not_imported(reason), cursor()), (key_of(reason),), "explicit-modifier")
        for reason in (
            Reason.IMPORT_AWAITED,
            Reason.IMPORT_ON_TRIAL,
            Reason.IMPORT_CRASHES_DRIVER,
            Reason.NO_DMA_BUF,
            Reason.IMPORT_FAILED,
            Reason.TILING_UNKNOWN,
        )
    },
    K.WRONG_GPU: (
        picture(host=HostFacts(RUNNING, replace(EXPORTER, address="0000:03:00.0", render_node="/dev/dri/renderD129"))),
        (K.WRONG_GPU,),
        "/dev/dri/renderD129",
    ),
    K.NO_IMPORT_EXTENSION: (
        picture(
            not_imported(Reason.NO_IMPORT_EXTENSION),
            cursor(),
            renderer=replace(RENDERER, platform="x11", imports_dma_bufs=False, formats=()),
        ),
        (K.NO_IMPORT_EXTENSION,),
        "on x11",
    ),
    K.IMPORT_UNREADABLE: (
        picture(
            not_imported(Reason.NOT_READABLE, None, import_evidence=UNREADABLE, map_error="EINVAL: Invalid argument"),
            vgpu=MBOCHS,
            host=HostFacts(RUNNING),
            renderer=LLVMPIPE,
        ),
        (K.IMPORT_UNREADABLE, K.COPY_IMPOSSIBLE),
        "GL_OUT_OF_MEMORY",
    ),
    K.FORMAT_NOT_IMPORTABLE: (
        picture(
            not_imported(Reason.FORMAT_NOT_IMPORTABLE, plane=replace(PRIMARY, fourcc=0x36314752)),
            cursor(),
        ),
        (K.FORMAT_NOT_IMPORTABLE,),
        "importable are AR24, XR24",
    ),
    K.MODIFIER_NOT_IMPORTABLE: (
        picture(not_imported(Reason.MODIFIER_NOT_IMPORTABLE, plane=replace(PRIMARY, modifier=X_TILED + 1)), cursor()),
        (K.MODIFIER_NOT_IMPORTABLE,),
        "importable are INTEL_X_TILED, LINEAR",
    ),
    K.EXTERNAL_ONLY: (
        picture(
            not_imported(Reason.IMPORT_FAILED),
            cursor(),
            renderer=replace(RENDERER, formats=(FormatSupport(XR24, ((0, True),)),)),
        ),
        (K.EXTERNAL_ONLY,),
        "external-only",
    ),
    K.COPY_IMPOSSIBLE: (
        picture(not_imported(Reason.NOT_READABLE, None, map_error="ENODEV: No such device")),
        (K.IMPORT_FAILED, K.COPY_IMPOSSIBLE),
        "EGL_BAD_MATCH",
    ),
    K.NOT_READABLE: (
        picture(not_imported(Reason.NOT_READABLE, None, failures=())),
        (K.NOT_READABLE,),
        "the display does not take it",
    ),
    K.CURSOR_REFUSED: (refused(Reason.FETCH_FAILED), (K.CURSOR_REFUSED,), "fetch-failed: EINVAL"),
    K.CURSOR_OUTSIDE: (
        picture(shown(), cursor(plane=replace(CURSOR, x=640))),
        (K.CURSOR_OUTSIDE,),
        "at 640,200 of 640x480",
    ),
    K.RECORDING_DAMAGED: (
        replace(picture(shown(), cursor()), host=HostFacts(recording=RecordingFacts("the end is missing"))),
        (K.RECORDING_DAMAGED,),
        "the end is missing",
    ),
    # What stands for pixels that were left out has one colour, which means nothing.
    K.PIXELS_LEFT_OUT: (
        replace(
            picture(shown(one_colour=(128, 128, 128, 255)), cursor()),
            host=HostFacts(recording=RecordingFacts(pixels="none")),
        ),
        (K.PIXELS_LEFT_OUT,),
        "pixels in the file: none",
    ),
    K.ONE_COLOUR: (
        picture(shown(one_colour=(0, 16, 255, 255)), cursor(), history=HistoryFacts(60, True, None, 11.0)),
        (K.ONE_COLOUR, K.PICTURE_UNCHANGED),
        "#0010ff",
    ),
    K.PICTURE_UNCHANGED: (
        picture(history=HistoryFacts(60, True, None, 33.0)),
        (K.PICTURE_UNCHANGED,),
        "unchanged for 33 s; query-status: running",
    ),
    K.CURSOR_SIGN_LOST: (picture(shown(), cursor(plane=replace(CURSOR, x=3))), (K.CURSOR_SIGN_LOST,), "at 3,200"),
    K.CURSOR_NOT_REPORTED: (picture(shown()), (K.CURSOR_NOT_REPORTED,), "none in 4.0 s"),
    K.BRIDGE: (
        picture(shown(path=PixelPath.BRIDGE, bridge=ROUTE), cursor()),
        (K.BRIDGE,),
        "exporting: Intel UHD",
    ),
    K.REGION_ONLY: (
        picture(shown(plane=REGION, path=PixelPath.REGION), offer=DisplayOffer(dmabuf=False, region=True)),
        (K.REGION_ONLY,),
        "region 16, 1228800 bytes",
    ),
    K.KERNEL_MESSAGES: (picture(lines=("a", "b", "c", "d")), (K.KERNEL_MESSAGES,), "b | c | d"),
    **{
        PictureKey[f"DISPLAY_{each.name}"]: (
            picture(display=DisplayFacts(problems=(SeenProblem(each, "640x480"),))),
            (PictureKey[f"DISPLAY_{each.name}"],),
            "640x480",
        )
        for each in DisplayProblem
    },
}


def _classes(root: type[MdevviewError]) -> list[type[MdevviewError]]:
    return [root, *(each for one in root.__subclasses__() for each in _classes(one))]


ERROR_KEYS = {each.key for each in _classes(MdevviewError)}


def test_every_key_of_the_set_is_brought_about() -> None:
    assert {each.key for each in CASES} | ERROR_KEYS == {each.key for each in PictureKey}


@pytest.mark.parametrize("key", CASES, ids=lambda key: key.key)
def test_facts_have_these_findings_in_this_order(key: PictureKey) -> None:
    facts, keys, evidence = CASES[key]
    found = diagnose(facts)
    assert [each.key for each in found] == [each.key for each in keys]
    assert key in keys
    assert evidence in found[0].evidence
    assert all(each.message for each in found)
    assert [each.severity for each in found] == [each.severity for each in keys]


def test_a_picture_with_which_all_is_well_has_no_finding() -> None:
    assert diagnose(picture()) == ()


@pytest.mark.parametrize("error", _classes(MdevviewError), ids=lambda error: error.__name__)
def test_an_error_that_ends_a_command_is_a_finding(error: type[MdevviewError]) -> None:
    arguments = ("what: why", "what to do", ()) if error.__name__ == "AmbiguousTarget" else ("what: why", "what to do")
    finding = error_finding(error(*arguments))
    assert (finding.key, finding.message, finding.remedy) == (error.key, "what: why", "what to do")
    assert rank_of(finding) >= 0


def test_a_crash_of_the_evidence_is_told_but_not_said_to_be_recorded() -> None:
    plane = not_imported(Reason.NOT_READABLE, None, import_evidence=CRASHED, map_error="EACCES")
    crash, copy = diagnose(picture(plane))
    assert (crash.key, copy.key) == ("import-crashes-driver", "copy-impossible")
    assert "SIGSEGV" in crash.evidence
    assert "doctor" not in crash.remedy


@pytest.mark.parametrize("reason", [Reason.FORMAT_NOT_IMPORTABLE, Reason.IMPORT_FAILED, Reason.IMPORT_ON_TRIAL])
def test_copied_is_said_only_of_what_is_copied(reason: Reason) -> None:
    assert "copied" in diagnose(picture(not_imported(reason), cursor()))[0].message
    assert "copied" not in diagnose(picture(not_imported(reason, None)))[0].message


@pytest.mark.parametrize(
    ("renderer", "remedy"),
    [
        (replace(LLVMPIPE, version="OpenGL ES 3.2 Mesa 23.2.1"), "24.1"),
        (replace(RENDERER, platform="x11"), "DRI3"),
        (replace(RENDERER, platform="wayland"), "EGL_EXT_image_dma_buf_import"),
    ],
)
def test_what_would_import_depends_on_what_draws(renderer: RendererFacts, remedy: str) -> None:
    facts = picture(
        not_imported(Reason.NO_IMPORT_EXTENSION), cursor(), renderer=replace(renderer, imports_dma_bufs=False)
    )
    assert remedy in next(each for each in diagnose(facts) if each.key == "no-import-extension").remedy


def test_a_cpu_that_draws_is_not_the_gpu_that_exports() -> None:
    keys = [each.key for each in diagnose(picture(not_imported(Reason.NOT_READABLE, None), renderer=LLVMPIPE))]
    assert keys[0] == "wrong-gpu"
    unknown = replace(RENDERER, gpu_address=None)
    assert diagnose(picture(renderer=unknown)) == (), "EGL does not tell which GPU draws"


def test_a_tiling_that_nobody_can_undo_is_named_with_those_that_are_importable() -> None:
    plane = not_imported(Reason.TILING_UNKNOWN, None, plane=replace(PRIMARY, modifier=X_TILED + 1))
    (found,) = diagnose(picture(plane))
    assert found.key == "tiling-unknown"
    assert "importable are INTEL_X_TILED, LINEAR" in found.evidence


@pytest.mark.parametrize("reason", [Reason.IMPORT_ON_TRIAL, Reason.IMPORT_FAILED])
def test_a_plane_without_a_modifier_has_no_wrong_one(reason: Reason) -> None:
    plane = not_imported(reason, plane=replace(PRIMARY, modifier=drm.DRM_FORMAT_MOD_INVALID))
    assert [each.key for each in diagnose(picture(plane, cursor()))] == [reason.key]


def test_an_old_failsafe_of_a_guest_that_shows_a_picture_is_only_quoted() -> None:
    assert [each.key for each in diagnose(picture(lines=(FAILSAFE,)))] == ["kernel-messages"]


def test_the_cursor_does_not_repeat_what_the_picture_has() -> None:
    copied = not_imported(Reason.NO_IMPORT_EXTENSION)
    renderer = replace(RENDERER, imports_dma_bufs=False)
    twice = picture(copied, cursor(status=copied.status, path=PixelPath.COPY), renderer=renderer)
    assert [each.key for each in diagnose(twice)] == ["no-import-extension"]
