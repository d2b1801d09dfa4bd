"""The picture of ``compare --plot``: for each main stage, which share of the values is how long.

The axis of the percentiles is logarithmic toward 100 %, as in the plots of HdrHistogram: the tail, in which runs
differ, gets as much room as the median. Where a run has too few values to tell a percentile, its line is pale. A
vertical bar is the error of the measurement at a percentile. Colours are those of Okabe and Ito, which colour-blind
people can tell apart, and lines differ in their pattern too.
"""

import io
import logging
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from app.errors import MdevviewError
from app.host.python_packages import install_remedy
from app.measure.compare.bootstrap import CONFIDENCE
from app.measure.compare.comparison import ordered, run_names
from app.measure.compare.run_file import PERCENTILES, Run, StageFigures
from app.text.clean import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_GREY = "#404040"
_PATTERNS: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_MOST_STAGES = 4
_COLUMNS = 2
# Inches. The width is that of a page with two columns.
_WIDTH, _ROW_HEIGHT = 7.2, 2.6
_DPI = 200
# A greater range than this needs a logarithmic axis.
_LINEAR_RANGE = 12
_BARS = ("p50", "p90", "p99")
# Seldom, or of little use in a picture. They are drawn where there is nothing else.
_MINOR = ("fetch", "import", "jitter")
_LONGEST_LABEL = 48

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#d9d9d9",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "legend.frameon": False,
    # The same files give the same picture.
    "svg.hashsalt": "mdevview",
}


def plot(runs: Sequence[Run], kind: str) -> bytes:
    """The contents of a picture file; ``kind`` is "png" or "svg".

    Raises MdevviewError without matplotlib, and if no two runs share a stage that has a histogram.
    """
    matplotlib = _matplotlib()
    stages = _stages(runs)
    if not stages:
        raise MdevviewError("the runs have no histograms in common, so there is nothing to draw")
    # A file name may have characters that the font lacks, and the user's own style must not change the picture.
    with warnings.catch_warnings(action="ignore"), matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        return _drawn(runs, stages, kind)


def _matplotlib() -> ModuleType:
    # It says on standard error that it makes a cache of fonts, or that it has no place for one.
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    try:
        import matplotlib  # noqa: PLC0415  (optional)
    except ImportError as error:
        remedy = install_remedy("matplotlib", "python3-matplotlib")
        raise MdevviewError("--plot needs matplotlib, which is not installed", remedy) from error
    return matplotlib


def _stages(runs: Sequence[Run]) -> list[str]:
    """What is drawn: the main stages that at least two of the runs have."""
    names = ordered(list({name for run in runs for name in run.stages}))
    shared = [name for name in names if sum(_has(run, name) for run in runs) > 1]
    return sorted(shared, key=lambda name: name in _MINOR)[:_MOST_STAGES]


def _has(run: Run, stage: str) -> bool:
    return stage in run.stages and bool(run.stages[stage].histogram)


def _drawn(runs: Sequence[Run], stages: Sequence[str], kind: str) -> bytes:
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = min(_COLUMNS, len(stages))
    rows = math.ceil(len(stages) / columns)
    legend_inches = 0.6 + 0.17 * len(runs)
    figure = Figure((_WIDTH, rows * _ROW_HEIGHT + legend_inches), dpi=_DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for panel, stage in zip(axes, stages, strict=False):
        _draw_stage(panel, runs, stage)
    for panel in list(axes)[len(stages) :]:
        panel.set_visible(False)
    handles = [figure.axes[0].plot([], [], **_line(number))[0] for number in range(len(runs))]
    labels = [*map(_label, run_names(len(runs)), runs)]
    for style, label in (({"alpha": 0.35}, "too few values"), ({"marker": "|", "linestyle": ""}, "measuring error")):
        handles += figure.axes[0].plot([], [], color=_GREY, **style)
        labels.append(label)
    legend = figure.legend(handles, labels, loc="outside lower left")
    for text in legend.get_texts():
        # A dollar sign in a file name is no formula.
        text.set_parse_math(False)
    file = io.BytesIO()
    # Without a date the same files give the same bytes.
    figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": "mdevview"})
    return file.getvalue()


def _line(number: int) -> dict[str, Any]:
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _PATTERNS[number % len(_PATTERNS)],
        "linewidth": 1.4,
    }


def _label(name: str, run: Run) -> str:
    facts = [
        run.target,
        run.meta.get("observed.name"),
        f"{run.duration_s:.3g} s" if run.duration_s is not None else None,
    ]
    described = ", ".join(each for each in facts if each)
    return f"{name}: {clean(Path(run.file).name, _LONGEST_LABEL)}" + (f" ({described})" if described else "")


def _draw_stage(panel: "Axes", runs: Sequence[Run], stage: str) -> None:
    drawn = [(number, run.stages[stage]) for number, run in enumerate(runs) if _has(run, stage)]
    greatest = max(each.histogram[-1][0] for _, each in drawn)
    unit, scale = ("µs", 1.0) if greatest < 1000 else ("ms", 1e3)
    for number, each in drawn:
        _draw_run(panel, number, each, scale)
    medians = [each.figures["p50"].value for _, each in drawn if "p50" in each.figures]
    if medians and greatest > _LINEAR_RANGE * max(min(medians), 1e-3):
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(lambda value, _position: f"{value:g}")
    else:
        panel.set_ylim(bottom=0)
    most = max(each.count for _, each in drawn)
    ticks = [0.0, 0.5, *(1 - 10.0**-power for power in range(1, math.ceil(math.log10(2 * most)) + 1))]
    end = _tail(1 - 0.5 / most) * 1.03
    shown = [each for each in ticks if _tail(each) <= end]
    panel.set_xticks([*map(_tail, shown)], [f"{100 * each:.6g}" for each in shown])
    panel.set_xlim(0, max(end, 0.4))
    panel.set_title(stage.replace("_", " "), loc="left")
    panel.set_xlabel("percentile")
    panel.set_ylabel(unit)


def _draw_run(panel: "Axes", number: int, stage: StageFigures, scale: float) -> None:
    below, shares, values = 0, [0.0], [stage.histogram[0][0] / scale]
    for upper, count in stage.histogram:
        below += count
        # Half of a value lies above: otherwise the greatest would lie at infinity.
        shares.append((below - 0.5) / stage.count)
        values.append(upper / scale)
    known = ((1 - CONFIDENCE) / 2) ** (1 / stage.count)
    split = max(1, sum(each <= known for each in shares))
    places = [*map(_tail, shares)]
    style = _line(number)
    panel.plot(places[:split], values[:split], **style)
    panel.plot(places[split - 1 :], values[split - 1 :], **style | {"alpha": 0.35})
    for name in _BARS:
        figure, share = stage.figures.get(name), PERCENTILES[name]
        if figure is None or share > known or figure.high - figure.low < 0.02 * figure.value:
            continue
        place = _tail(share) + 0.025 * number
        panel.plot([place, place], [figure.low / scale, figure.high / scale], color=style["color"], linewidth=0.8)


def _tail(share: float) -> float:
    """The place of a share of the values on the axis: 0 for 0, 1 for 90 %, 2 for 99 %."""
    return -math.log10(1 - share)
