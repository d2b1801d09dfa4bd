"""A resolution that cannot be set, for one reason."""

from dataclasses import dataclass

from app.edid.mode import Limits, Mode
from app.errors import ResolutionRefused


@dataclass(frozen=True, slots=True)
class NoResolution:
    """A :class:`app.open.session.ResolutionControl` that refuses. ``message`` says why, ``remedy`` what to do."""

    message: str
    remedy: str = ""

    @property
    def refusal(self) -> ResolutionRefused:
        return ResolutionRefused(self.message, self.remedy)

    @property
    def limits(self) -> Limits:
        raise self.refusal

    def check(self, _mode: Mode) -> None:
        raise self.refusal

    def is_set(self, _mode: Mode) -> bool:
        raise self.refusal

    def begin(self, _mode: Mode, _dpi: float) -> None:
        raise self.refusal

    def step(self) -> None:
        """Nothing is ever due."""

    def finish(self) -> None:
        """Nothing was begun."""
