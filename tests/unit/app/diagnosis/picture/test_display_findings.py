"""Findings about a VM's console, and that none of them speaks of a vGPU or of a driver of this host."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.diagnosis.finding import Severity
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import HostFacts, RunState, VmFacts
from app.diagnosis.picture.path_text import path_text
from app.diagnosis.picture.picture_facts import HistoryFacts, PictureFacts, PlaneFacts
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from app.planes.outcome import PixelPath
from app.planes.plane import Backing
from app.planes.status import Reason
from tests.unit.app.diagnosis.picture.facts import FAILSAFE, PRIMARY, RENDERER, off, picture, shown

MEMORY = replace(PRIMARY, backing=Backing.MEMORY, handle=None)
QUIET = DisplayFacts("map", (("ScanoutMap", 1),))


def console(*planes: PlaneFacts, display: DisplayFacts = QUIET, **changes: object) -> PictureFacts:
    """The picture of a VM's console: no vGPU, no offer, no exporter."""
    facts = picture(
        *(planes or (shown(plane=MEMORY, path=PixelPath.COPY),)),
        vgpu=None,
        offer=None,
        pci_command=None,
        display=display,
    )
    host = replace(facts.host, exporter=None)
    return replace(facts, host=host, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("problem", DisplayProblem)
def test_every_problem_has_a_finding_of_its_key_with_the_values_seen(problem: DisplayProblem) -> None:
    display = replace(QUIET, problems=(SeenProblem(problem, "640x480, stride 7680", 3),))
    (found,) = diagnose(console(display=display))
    assert found.key == problem.value
    assert found.evidence == "3 times; the last time: 640x480, stride 7680"
    assert found.remedy or "no fault" in found.message or "picture is right" in found.message


def test_a_screen_without_problems_has_no_finding() -> None:
    assert diagnose(console()) == ()


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        (Reason.UNKNOWN_FORMAT, DisplayProblem.UNKNOWN_PIXMAN),
        (Reason.BUFFER_TRUNCATED, DisplayProblem.MAP_TOO_SMALL),
    ],
)
def test_what_the_connection_tells_exactly_is_not_told_again_by_the_status(
    reason: Reason, problem: DisplayProblem
) -> None:
    display = replace(QUIET, problems=(SeenProblem(problem, "0x20020888"),))
    assert [each.key for each in diagnose(console(off(reason), display=display))] == [problem.value]
    assert [each.key for each in diagnose(console(off(reason)))] == [reason.key]


def test_a_still_picture_may_be_of_a_screen_that_the_guest_does_not_use() -> None:
    (found,) = diagnose(console(history=HistoryFacts(60, True, None, 33.0)))
    assert "does not use this screen" in found.message and "other screens" in found.remedy


def test_what_comes_as_memory_is_not_said_to_be_refused_by_the_gpu() -> None:
    text = path_text(PixelPath.COPY, MEMORY)
    assert "does not import" not in text and "what changed" in text


_VMS = st.builds(
    VmFacts,
    st.just(7),
    st.sampled_from([None, "guest"]),
    st.none() | st.sampled_from(RunState),
    age_s=st.none() | st.floats(0, 1e6),
    ramfb=st.sampled_from([None, True, False]),
    firmware_screen=st.sampled_from([None, "VGA"]),
)
_TIMES = st.none() | st.floats(0, 1e6)
# Only a device has these: QEMU always has a picture of a console, if only one that says that there is none.
_OF_DEVICES = (
    *(Reason.NO_DEVICE, Reason.NO_DISPLAY, Reason.DEVICE_REMOVED, Reason.FETCHED_ELSEWHERE),
    *(Reason.PLANE_OFF, Reason.NOT_INITIALIZED),
)
_PLANES = st.one_of(
    st.builds(off, st.sampled_from([each for each in Reason if each not in _OF_DEVICES])),
    st.builds(
        lambda colour, path: shown(plane=MEMORY, path=path, one_colour=colour),
        st.sampled_from([None, (0, 0, 0, 255)]),
        st.sampled_from([PixelPath.COPY, PixelPath.EGL_IMAGE]),
    ),
)
_PROBLEMS = st.lists(
    st.builds(SeenProblem, st.sampled_from(DisplayProblem), st.just("words"), st.integers(1, 9)),
    unique_by=lambda each: each.problem,
).map(tuple)


@given(_PLANES, _VMS, st.builds(HistoryFacts, st.floats(0, 1e6), st.booleans(), _TIMES, _TIMES), _PROBLEMS)
def test_no_finding_of_a_console_speaks_of_vgpus(
    plane: PlaneFacts, vm: VmFacts, history: HistoryFacts, problems: tuple[SeenProblem, ...]
) -> None:
    facts = console(plane, display=replace(QUIET, problems=problems), history=history, renderer=RENDERER)
    for each in diagnose(replace(facts, host=HostFacts(vm, kernel_lines=(FAILSAFE, "vfio: x")))):
        text = f"{each.message} {each.evidence} {each.remedy}"
        for word in ("vGPU", "GVT", "NVIDIA", "ramfb", "OpRegion", "vfio", "VFIO"):
            assert word not in text, each
        assert each.severity is not Severity.OK
