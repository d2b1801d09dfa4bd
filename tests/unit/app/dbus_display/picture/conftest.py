from collections.abc import Iterator

import pytest

from app.dbus_display.picture.console_source import ConsoleSource
from tests.unit.app.dbus_display.picture.fake_display import FakeDisplay


@pytest.fixture
def display() -> FakeDisplay:
    return FakeDisplay()


@pytest.fixture
def source(display: FakeDisplay) -> Iterator[ConsoleSource]:
    """The source of console 0 of the display."""
    source = display.source()
    yield source
    source.close()
