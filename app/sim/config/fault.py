"""The faults of a simulated device, and their schedules.

``NAME[@START[-END][/PERIOD]]``: the fault is active from START to END seconds after the opening of the device. Without
END it stays active. With PERIOD it is repeated; START and END then count from the start of each period. ``+`` joins
several faults.

=============== ============================================================================== =================
name            what happens                                                                   without a schedule
=============== ============================================================================== =================
query-einval    every plane query fails with that errno; likewise query-efault, query-enomem,   always
                query-enodev
get-einval      every fetch of a buffer fails with that errno (mdpy: every request for the      always
                info of its region); likewise get-enoent
stale           queries return the id of a buffer that is gone: its fetch fails                 always
truncated       exported buffers (mdpy: the region) have half the bytes the plane needs         always
read-only       exported buffers cannot be mapped by the CPU                                    always
hostile         planes with impossible sizes, strides, formats, positions; a new one every      always
                0.2 s
no-display      the driver offers no kind of plane                                              always
never-on        the guest's driver is not loaded: the display is off, and the PCI command       always
                register has no bus mastering
one-colour      the guest draws a screen of one colour                                          always
frozen          the guest does not flip                                                         always
unaligned       the guest's framebuffers do not start on a page of memory, as those of a BIOS  always
                after a reboot may: mbochs does not export them, other drivers do
cursor-einval   every query of the cursor plane fails with EINVAL                              always
cursor-refused  every fetch of the cursor plane's buffer fails with EINVAL                      always
cursor-at-edge  the tip of the cursor is at the picture's left edge                            always
cursor-outside  the cursor plane is beyond the edges of the picture                             always
edid-ignored    the guest does not notice that its screen is another one                        always
vm-stopped      the host says that a signal stopped the VM; likewise vm-paused, vm-suspended,    always
                vm-shut-down, vm-failed
no-opregion     the host says that the VM's device has no OpRegion                              always
failsafe        the host's kernel says that it does not emulate the vGPU any more               always
firmware-screen the host says that the VM has another display for its firmware                  always
other-gpu       the host says that another GPU than any of this host exports the buffers        always
off             the display is off                                                              2-4/4
mode            the guest uses three quarters of the width and height                           2-4/4
gone            the device is removed and stays away; it takes no END                           3
=============== ============================================================================== =================

What the host says changes nothing of the picture: such a fault is joined with *off*, *never-on* or *frozen*, for
example ``fault=vm-paused+frozen``.

When the fault stale, truncated, read-only or unaligned begins, the guest changes to other framebuffers; when it ends,
the guest changes back. So a buffer keeps such a fault until it is freed, and the picture still returns.
"""

import errno
import math
import re
from dataclasses import dataclass
from difflib import get_close_matches

# The default schedules: errors are active from the start, events begin after the picture was shown.
_ALWAYS = (0.0, None, None)
_PERIODIC = (2.0, 4.0, 4.0)

# What the host around the device says; see app.open.simulated_host.
HOST_FAULTS = (
    *("vm-stopped", "vm-paused", "vm-suspended", "vm-shut-down", "vm-failed"),
    *("no-opregion", "failsafe", "firmware-screen", "other-gpu"),
)

_DEFAULTS: dict[str, tuple[float, float | None, float | None]] = {
    "query-einval": _ALWAYS,
    "query-efault": _ALWAYS,
    "query-enomem": _ALWAYS,
    "query-enodev": _ALWAYS,
    "get-einval": _ALWAYS,
    "get-enoent": _ALWAYS,
    "stale": _ALWAYS,
    "truncated": _ALWAYS,
    "unaligned": _ALWAYS,
    "read-only": _ALWAYS,
    "hostile": _ALWAYS,
    "no-display": _ALWAYS,
    "never-on": _ALWAYS,
    "one-colour": _ALWAYS,
    "frozen": _ALWAYS,
    "cursor-einval": _ALWAYS,
    "cursor-refused": _ALWAYS,
    "cursor-at-edge": _ALWAYS,
    "cursor-outside": _ALWAYS,
    "edid-ignored": _ALWAYS,
    **dict.fromkeys(HOST_FAULTS, _ALWAYS),
    "off": _PERIODIC,
    "mode": _PERIODIC,
    "gone": (3.0, None, None),
}

FAULT_NAMES = tuple(_DEFAULTS)

QUERY_ERRORS = {
    "query-einval": errno.EINVAL,
    "query-efault": errno.EFAULT,
    "query-enomem": errno.ENOMEM,
    "query-enodev": errno.ENODEV,
}
GET_ERRORS = {"get-einval": errno.EINVAL, "get-enoent": errno.ENOENT}

# As many digits as a float keeps.
_SECONDS = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_FORM = re.compile(rf"([a-z-]+?)(?:@{_SECONDS}(?:-{_SECONDS}?)?(?:/{_SECONDS})?)?")
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and its schedule in seconds; see the module's docstring."""

    name: str
    start: float
    end: float | None
    period: float | None

    def active(self, now_ns: int) -> bool:
        """Whether it is active ``now_ns`` nanoseconds after the opening of the device."""
        now = now_ns / _SECOND
        if self.period is not None:
            now %= self.period
        return self.start <= now and (self.end is None or now < self.end)

    def began_ns(self, now_ns: int) -> int:
        """When the fault began that is active ``now_ns`` nanoseconds after the opening of the device."""
        start = math.ceil(self.start * _SECOND)
        if self.period is None:
            return start
        return min(now_ns, math.ceil(now_ns / _SECOND // self.period * self.period * _SECOND) + start)

    def next_change_ns(self, now_ns: int) -> int | None:
        """When it begins or ends next, after ``now_ns`` nanoseconds since the opening; None if never again."""
        edges = [self.start] if self.end is None else [self.start, self.end]
        periods = 0.0 if self.period is None else now_ns / _SECOND // self.period * self.period
        # The next period follows if both edges of this one are past.
        starts = [periods] if self.period is None else [periods, periods + self.period]
        times = [math.ceil((start + edge) * _SECOND) for start in starts for edge in (0.0, *edges)]
        return min((each for each in times if each > now_ns), default=None)

    def __str__(self) -> str:
        end = "" if self.end is None else _text(self.end)
        period = "" if self.period is None else f"/{_text(self.period)}"
        return f"{self.name}@{_text(self.start)}-{end}{period}"


def _text(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults of a ``fault=`` value. Raises ValueError with one sentence that says what is wrong."""
    return tuple(_parse_fault(each) for each in text.split("+"))


def _parse_fault(text: str) -> Fault:
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"fault {text!r} is not of the form NAME[@START[-END][/PERIOD]] with times in seconds")
    name, start, end, period = match.groups()
    if name not in _DEFAULTS:
        near = get_close_matches(name, FAULT_NAMES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FAULT_NAMES)}"
        raise ValueError(f"unknown fault {name!r}; {hint}")
    if start is None:
        return Fault(name, *_DEFAULTS[name])
    fault = Fault(name, float(start), float(end) if end else None, float(period) if period else None)
    if name == "gone" and (fault.end is not None or fault.period is not None):
        raise ValueError("fault 'gone' has only a start: a removed device does not come back")
    if fault.end is not None and fault.end <= fault.start:
        raise ValueError(f"fault {text!r} ends before it starts")
    if fault.period is not None and fault.period < (fault.end or fault.start + 0.001):
        raise ValueError(f"fault {text!r} has a period that is shorter than the fault")
    return fault
