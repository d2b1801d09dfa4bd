"""The inspector beside the picture, as a person uses it."""

import json
from pathlib import Path

import numpy as np

from tests.window.displays import Display
from tests.window.test_view import close, guest_picture, press, window_of, xdotool
from tests.window.viewer import driving


def test_the_inspector_shows_the_picture_in_parts_and_moves_between_dock_and_window(wayland: Display) -> None:
    with driving(wayland, "sim:gvt,size=320x240,fps=30,format=YUYV") as viewer:
        viewer.wait_for("path: egl-image")
        assert not viewer.do("is_imported", "ui.window.inspector.inspector"), "it costs something while it is closed"
        before = viewer.do("inspector_place")
        viewer.do("trigger", "inspector")
        rows = viewer.wait_until("inspector_texts", lambda it: any(each[1].startswith("egl-image (") for each in it))
        assert ["Primary plane", "320 × 240, YUYV, egl-image"] in rows and ["Format", "YUYV"] in rows
        place = viewer.do("inspector_place")
        assert place["docked"] and place["focus"] and place["size"] == before["size"]
        assert place["picture"][0] >= before["picture"][0] // 2 - 10, "the picture keeps half of the window"

        viewer.do("inspector_tab", "Formats")
        rows = viewer.wait_until("inspector_texts", lambda it: len(it) > 80)
        assert rows[0][:3] == ["AR24 ARGB8888", "LINEAR", "imported"] and rows[0][3].startswith("on screen, ")
        viewer.do("inspector_search", "yuyv on SCREEN")
        assert [each[0] for each in viewer.do("inspector_texts")] == ["YUYV"]
        viewer.do("inspector_tab", "Log")
        assert viewer.wait_until("inspector_texts", bool)

        viewer.do("inspector_press", "Dock below")
        place = viewer.do("inspector_place")
        assert place["docked"] and place["picture"][0] > before["picture"][0] - 20
        viewer.do("inspector_press", "Own window")
        place = viewer.wait_until("inspector_place", lambda it: it["picture"] == before["picture"])
        assert place["window"] and not place["docked"]
        viewer.do("inspector_press", "Dock")
        assert viewer.do("inspector_place")["docked"]
        swaps = viewer.do("swaps")
        viewer.wait_until("swaps", lambda it: it > swaps + 5)

        viewer.do("trigger", "inspector")
        assert viewer.do("inspector_texts") is None
        place = viewer.wait_until("inspector_place", lambda it: it["picture"] == before["picture"])
        assert place["size"] == before["size"]
        # Closed by its user, not by the action: as a dock, and as a window.
        for moves in ((), ("Own window",)):
            viewer.do("trigger", "inspector")
            for each in moves:
                viewer.do("inspector_press", each)
            viewer.do("inspector_close")
            assert viewer.do("inspector_texts") is None and viewer.do("is_checked", "inspector") is False
        # Another one is left open at the end.
        viewer.do("trigger", "inspector")
        close(viewer)


def test_its_key_opens_and_closes_it_and_the_picture_keeps_its_size_where_there_is_room(x11: Display) -> None:
    with driving(x11, "sim:mdpy") as viewer:
        viewer.wait_for("path: region")
        window = window_of(x11)
        xdotool(x11, "windowfocus", "--sync", window)
        before = viewer.do("inspector_place")
        press(x11, "ctrl+alt+e")
        rows = viewer.wait_until("inspector_texts", bool)
        assert ["Import path", "region"] in rows and any(each[1].startswith("region ") for each in rows)
        place = viewer.wait_until("inspector_place", lambda it: it["size"] != before["size"])
        assert place["picture"][0] >= before["picture"][0] - 10 and place["size"][1] == before["size"][1]
        viewer.do("inspector_press", "Own window")
        viewer.do("inspector_press", "Copy as JSON")
        document = json.loads(viewer.do("clipboard_text"))
        assert document["version"] == 1 and document["planes"]["primary"]["path"] == "region"
        viewer.do("inspector_press", "Dock")
        press(x11, "ctrl+alt+e")
        viewer.wait_until("inspector_texts", lambda it: it is None)
        assert viewer.do("is_checked", "inspector") is False
        viewer.wait_until("inspector_place", lambda it: it["size"] == before["size"])
        close(viewer)


def test_thumbnails_are_the_guests_picture_and_vanish_with_the_buffers(wayland: Display) -> None:
    # The shape of a thumbnail, so that there is nothing around the picture.
    spec = "gvt,size=960x600,fps=20"
    quarters = guest_picture(spec.replace("fps=20", "fps=0")).reshape(2, 300, 2, 480, 3).mean(axis=(1, 3))
    with driving(wayland, f"sim:{spec},fault=gone@6") as viewer:
        viewer.wait_for("path: egl-image")
        viewer.do("trigger", "inspector")
        viewer.do("inspector_tab", "Buffers")
        thumbnails = viewer.wait_until("inspector_thumbnails", lambda it: len(it) >= 3)
        rows = viewer.do("inspector_texts")
        assert all("960 × 600" in each[1] or "cursor" in each[1] for each in rows)
        # The cursor has its own, and the pictures differ by what moves.
        alike = [each for each in thumbnails if np.abs(np.array(each) - quarters.reshape(-1)).max() < 12]
        assert len(alike) >= 2, (thumbnails, quarters)
        viewer.wait_until("inspector_texts", lambda it: not it)
        assert not viewer.do("inspector_thumbnails")
        viewer.wait_for(": gone, ")
        links = [str(each.readlink()) for each in Path(f"/proc/{viewer.process.pid}/fd").iterdir()]
        assert not [each for each in links if "framebuffer" in each or "dmabuf" in each], links
        close(viewer)
