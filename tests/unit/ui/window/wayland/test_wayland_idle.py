"""What a compositor is asked, so that it leaves the screen on."""

from types import SimpleNamespace
from typing import Any, cast

from ui.window.wayland.wayland_client import Library
from ui.window.wayland.wayland_idle import WaylandIdle

_SURFACE = 0x7F00_0000_1000


class _Compositor:
    """Stands in for the library, and keeps the objects that are there by their interfaces."""

    def __init__(self) -> None:
        self.objects: dict[int, str] = {}
        self.asked_for: list[object] = []
        self._offer: Any = None

    def core(self, name: str) -> Any:
        return SimpleNamespace(name=name.encode())

    def create(self, _proxy: int, _opcode: int, created: Any, *arguments: object, handler: Any = None, **_: Any) -> int:
        number = len(self.objects) + 1
        self.objects[number] = created.name.decode()
        if handler is not None:
            self._offer = handler
        if created.name == b"zwp_idle_inhibitor_v1":
            self.asked_for.append(arguments[-1])
        return number

    def destroy(self, proxy: int, _opcode: int | None) -> None:
        del self.objects[proxy]

    def flush(self, _display: int) -> None:
        pass

    def offer(self) -> None:
        name = SimpleNamespace(s=b"zwp_idle_inhibit_manager_v1")
        self._offer(0, [SimpleNamespace(u=7), name, SimpleNamespace(u=1)])


def _made() -> tuple[WaylandIdle, _Compositor]:
    compositor = _Compositor()
    return WaylandIdle(cast("Library", compositor), 1), compositor


def test_request_from_before_the_compositor_offered_it_is_made_once_and_taken_back() -> None:
    idle, compositor = _made()
    idle.inhibit(_SURFACE)
    assert compositor.asked_for == []
    compositor.offer()
    idle.inhibit(_SURFACE)
    assert compositor.asked_for == [_SURFACE]
    idle.inhibit(0)
    assert "zwp_idle_inhibitor_v1" not in compositor.objects.values()
    idle.inhibit(_SURFACE)
    idle.close()
    idle.close()
    assert compositor.objects == {}


def test_number_that_is_no_surface_is_not_sent() -> None:
    """Older versions of Qt number their windows. The library would read at that address."""
    idle, compositor = _made()
    compositor.offer()
    idle.inhibit(3)
    assert compositor.asked_for == []
