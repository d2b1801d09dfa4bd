"""The picture of a comparison."""

import io
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest

from app.errors import MdevviewError
from tests.unit.app.measure.run_documents import latencies, run_of, stage_document
from ui.cli.comparison_plot import plot

_A = stage_document(latencies(1), error_ms=0.5)
_SLOWER = stage_document([each + 4 for each in latencies(2)])


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    """matplotlib keeps the fonts open that it has used."""
    plot([run_of({"query": _A})] * 2, "png")


def test_the_same_runs_give_the_same_picture() -> None:
    runs = [run_of({"flip_to_submit": _A, "query": _SLOWER}), run_of({"flip_to_submit": _SLOWER}, "b.json")]
    picture = plot(runs, "svg")
    assert picture == plot(runs, "svg")
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert plot(runs, "png").startswith(b"\x89PNG")


def test_each_run_has_a_colour_of_its_own() -> None:
    runs = [run_of({"query": stage}, f"{name}.json") for name, stage in (("a", _A), ("b", _SLOWER))]
    pixels = matplotlib.image.imread(io.BytesIO(plot(runs, "png")))[..., :3]
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(pixels - np.array(colour) / 255).max(axis=2) < 0.02).sum() > 500


@pytest.mark.parametrize("name", ["$\\frac{$.json", "_hidden.json", "模\u202e\x1b.json", "a" * 300])
def test_a_file_name_is_only_a_text(name: str) -> None:
    runs = [run_of({"query": _A}, name), run_of({"query": _SLOWER}, name)]
    assert b"</svg>" in plot(runs, "svg")


def test_stages_of_few_values_and_of_one_value() -> None:
    stages = {
        "fetch": stage_document([1.0]),
        "query": stage_document([0.0] * 3),
        "submit": stage_document([1.0, 50_000.0]),
    }
    assert b"</svg>" in plot([run_of(stages), run_of(stages)], "svg")


def test_as_many_runs_as_can_be_compared() -> None:
    assert b"</svg>" in plot([run_of({"query": stage_document([1.0, 2.0])})] * 26, "svg")


def test_without_a_histogram_there_is_nothing_to_draw() -> None:
    bare = {"count": 3, "p50_us": 100}
    with pytest.raises(MdevviewError, match="no histograms in common"):
        plot([run_of({"query": bare}), run_of({"query": _A})], "png")


def test_the_users_own_style_does_not_change_the_picture() -> None:
    runs = [run_of({"query": _A}), run_of({"query": _SLOWER})]
    picture = plot(runs, "svg")
    with mpl.rc_context({"lines.linewidth": 9.0, "axes.facecolor": "red"}):
        assert plot(runs, "svg") == picture
