"""A session around the pushed source, with a resolution control of its own kind."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused
from app.open.session import Session
from app.planes.display_facts import DisplayFacts
from app.planes.status import State, Status
from app.vm.input_route import InputRoute, NoInput
from tests.pushed.source import PushedSource

TARGET = "pushed:test"
LABEL = "a pushed screen"
_STEP_NS = 20_000_000


@dataclass
class PushedResolution:
    """A :class:`app.open.session.ResolutionControl` that takes two steps and knows no EDID."""

    limits: Limits = field(default_factory=lambda: Limits(1920, 1080))
    refusal: ResolutionRefused | None = None
    asked: list[Mode] = field(default_factory=list)
    _pending: Mode | None = None
    _first: bool = True

    def check(self, mode: Mode) -> None:
        if mode.width > 1920 or mode.height > 1080:
            raise ResolutionRefused(f"{mode} is too large", "ask for less")

    def is_set(self, mode: Mode) -> bool:
        return bool(self.asked) and self.asked[-1] == mode

    def begin(self, mode: Mode, _dpi: float) -> None:
        self.check(mode)
        self._pending, self._first = mode, True

    def step(self) -> int | None:
        if self._pending is None:
            return None
        if self._first:
            self._first = False
            return _STEP_NS
        self.finish()
        return None

    def finish(self) -> None:
        mode, self._pending = self._pending, None
        if mode is not None:
            self.asked.append(mode)


def pushed_session(
    source: PushedSource,
    resolution: PushedResolution | None = None,
    route: InputRoute | None = None,
    display: DisplayFacts | None = None,
) -> Session:
    """A session as the package of another kind of source would make it. ``display`` is what it saw on its way."""

    def ended() -> Status | None:
        status = source.latest().status
        return status if status.state is State.GONE else None

    describe: Callable[[], dict[str, object]] = lambda: {  # noqa: E731
        "display": None,
        "device": {"name": None, "type": "pushed", "driver": None, "module": None, "simulated": False},
    }
    return Session(
        target=TARGET,
        label=LABEL,
        source=source,
        vgpu=None,
        vm=None,
        resolution=resolution or PushedResolution(),
        input=route or NoInput("a pushed screen takes no input here"),
        describe=describe,
        ended=ended,
        display_facts=lambda: display,
    )
