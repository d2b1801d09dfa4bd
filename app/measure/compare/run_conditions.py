"""In what two runs differ before anything is measured: the driver, the size, the options, the machine."""

from dataclasses import dataclass

from app.measure.compare.run_file import Run

_OBSERVED = "observed.name"
# Where these differ, the figures are not of the same thing. They are compared all the same, for that may be the
# question (two drivers, two settings), but the comparison says so first.
_DECISIVE = {
    "driver": "driver",
    "vgpu_type": "vGPU type",
    "simulated": "kind of device (simulated)",
    "frames": "way of the frames (polled: a flip lies between two polls; pushed: times begin with its message)",
    "scanout": "way of the pixels",
    "guest_waits": "pace (whether the guest waits for the viewer)",
    "fourcc": "pixel format",
    "modifier": "modifier",
    "path": "path of the picture",
    "renderer": "renderer",
    "gl_vendor": "vendor of the renderer",
    "session_type": "session type",
    "desktop": "desktop",
    "machine": "architecture",
    "cpu": "processor",
    "usable_cpu_count": "number of processors",
    "presentation": "source of the presentation times",
    _OBSERVED: "observed program",
}
_OPTION = "options."
# What two runs of the same kind differ in anyway.
_OF_ONE_RUN = {"started", "observed.pid", "observed.fd"}
_COUNTS_OF_ONE_RUN = "presentation_counts."
# These do not change what is measured.
_HARMLESS_OPTIONS = {"options.duration_s", "options.count"}
_SIZE = ("width", "height")


@dataclass(frozen=True, slots=True)
class Condition:
    """``key`` of the run's metadata. A value is None where its run does not tell it."""

    key: str
    label: str
    a: str | None
    b: str | None
    decisive: bool


def differing_conditions(a: Run, b: Run) -> list[Condition]:
    """The decisive ones first.

    What only one run tells is not decisive, as the other one is perhaps of another version. But an option that one run
    has and the other one has not was given to the one only. A run of an observed program has other options anyway.
    """
    both_own = (_OBSERVED in a.meta) == (_OBSERVED in b.meta)
    found = []
    if a.target != b.target:
        # What follows `sim:` says how the simulated guest draws. Other targets are names of devices.
        simulated = all(each.target is not None and each.target.startswith("sim:") for each in (a, b))
        found.append(Condition("target", "target", a.target, b.target, simulated))
    if (size_a := _size(a)) != (size_b := _size(b)):
        found.append(Condition("size", "size", size_a, size_b, size_a is not None and size_b is not None))
    for key in [*_DECISIVE, *sorted((a.meta.keys() | b.meta.keys()) - _DECISIVE.keys() - _OF_ONE_RUN - {*_SIZE})]:
        of_a, of_b = a.meta.get(key), b.meta.get(key)
        if of_a == of_b or key.startswith(_COUNTS_OF_ONE_RUN):
            continue
        is_option = key.startswith(_OPTION) and key not in _HARMLESS_OPTIONS
        told = of_a is not None and of_b is not None
        decisive = (key in _DECISIVE and told) or (is_option and both_own)
        label = f"option {key.removeprefix(_OPTION)}" if is_option else _DECISIVE.get(key, key)
        found.append(Condition(key, label, of_a, of_b, decisive))
    return sorted(found, key=lambda each: not each.decisive)


def own_warnings(run: Run) -> list[str]:
    """What limits the figures of one run."""
    warnings = []
    if not run.complete:
        after = f" after {run.duration_s:.3g} s" if run.duration_s is not None else ""
        warnings.append(f"was ended early{after}")
    if lost := run.counters.get("events_lost"):
        warnings.append(f"lost {lost:g} events of the kernel's trace")
    return warnings


def _size(run: Run) -> str | None:
    width, height = (run.meta.get(key) for key in _SIZE)
    return f"{width}x{height}" if width is not None and height is not None else None
