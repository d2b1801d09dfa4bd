"""In what runs differ before anything is measured."""

from typing import Any

import pytest

from app.measure.compare.run_conditions import differing_conditions, own_warnings
from app.measure.compare.run_file import Run
from tests.unit.app.measure.run_documents import run_of, stage_document

_STAGES = {"query": stage_document([1.0] * 20)}


def _run(**changes: Any) -> Run:
    return run_of(_STAGES, **changes)


def _found(a: Run, b: Run) -> list[tuple[str, str | None, str | None, bool]]:
    return [(each.label, each.a, each.b, each.decisive) for each in differing_conditions(a, b)]


def test_two_runs_of_the_same_kind_differ_in_nothing() -> None:
    again = {"meta_started": "2026-02-02T00:00:00+00:00", "meta_presentation_counts": {"presented": 601, "vsync": 601}}
    assert _found(_run(meta_presentation_counts={"presented": 600, "vsync": 598}), _run(**again)) == []


def test_times_of_the_compositor_and_of_the_swap_are_not_the_same_thing() -> None:
    a, b = _run(meta_presentation="wp_presentation"), _run(meta_presentation="frame_swapped")
    assert _found(a, b) == [("source of the presentation times", "wp_presentation", "frame_swapped", True)]


@pytest.mark.parametrize(
    ("changes", "label", "b"),
    [
        ({"meta_driver": "gvt"}, "driver", "gvt"),
        ({"meta_width": 3840}, "size", "3840x1080"),
        ({"meta_renderer": "Intel"}, "renderer", "Intel"),
        ({"meta_session_type": "x11"}, "session type", "x11"),
        ({"meta_options": {"window": True, "duration_s": 10.0}}, "option window", "yes"),
        ({"meta_options": {"window": False, "duration_s": 10.0, "poll_ms": 16}}, "option poll_ms", "16"),
        ({"meta_modifier": 1 << 56}, "modifier", str(1 << 56)),
    ],
)
def test_what_makes_the_figures_of_another_thing_is_decisive(changes: dict[str, object], label: str, b: str) -> None:
    [(found, _, of_b, decisive)] = _found(_run(), _run(**changes))
    assert (found, of_b, decisive) == (label, b, True)


def test_frames_of_polls_and_frames_of_messages_are_not_the_same_thing() -> None:
    [(label, a, b, decisive)] = _found(_run(meta_frames="polled"), _run(meta_frames="pushed"))
    assert label.startswith("way of the frames")
    assert (a, b, decisive) == ("polled", "pushed", True)
    # An older mdevview does not tell it.
    assert not _found(_run(), _run(meta_frames="polled"))[0][-1]


@pytest.mark.parametrize(
    "changes",
    [
        {"meta_kernel": "6.18.0"},
        {"meta_options": {"window": False, "duration_s": 60.0}},
        {"meta_session_type": None},
        {"target": "vm:win11"},
        {"meta_new_fact": 5},
    ],
)
def test_other_differences_are_told_too(changes: dict[str, object]) -> None:
    [(_, _, _, decisive)] = _found(_run(), _run(**changes))
    assert not decisive


def test_an_observed_program_has_other_options_anyway() -> None:
    observed = _run(meta_observed={"pid": 7, "name": "qemu", "fd": 3}, meta_options={"duration_s": 10.0})
    assert [(each.key, each.decisive) for each in differing_conditions(_run(), observed)] == [
        ("observed.name", False),
        ("options.window", False),
    ]


def test_the_decisive_ones_come_first() -> None:
    options = {"window": True, "duration_s": 5.0}
    found = _found(_run(), _run(meta_kernel="6.18.0", meta_driver="gvt", meta_options=options))
    assert [decisive for *_, decisive in found] == [True, True, False, False]


def test_a_simulated_device_is_what_its_target_says() -> None:
    a, b = _run(target="sim:gvt,fps=60"), _run(target="sim:gvt,fps=144")
    assert _found(a, b) == [("target", "sim:gvt,fps=60", "sim:gvt,fps=144", True)]


def test_what_limits_a_run_is_told() -> None:
    assert own_warnings(_run()) == []
    assert own_warnings(_run(complete=False, duration_s=3.25)) == ["was ended early after 3.25 s"]
    assert own_warnings(_run(events_lost=7)) == ["lost 7 events of the kernel's trace"]
