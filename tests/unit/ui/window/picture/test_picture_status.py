"""Which status a window tells: that of its frame, of what was drawn of it, or of a draw that failed."""

from app.planes.frame import Frame
from app.planes.outcome import ImportFailure, ImportMethod, Outcome, PixelPath
from app.planes.status import Reason, Status
from gl.renderer import DrawResult
from tests.unit.app.diagnosis.picture.surfaces import surface
from ui.window.picture.picture_status import cursor_problem, failed_imports, path_name, picture_status

OK, OFF = Status(Reason.OK), Status(Reason.PLANE_OFF)
FAILED = Status(Reason.RENDER_FAILED, "GL_OUT_OF_MEMORY")
COPIED = Status(Reason.IMPORT_FAILED, "EGL_BAD_MATCH")
REFUSED = Status(Reason.NOT_READABLE, "EACCES: Permission denied")
SHOWN = Frame(OK, surface())


def _drawn(primary: Outcome | None = None, cursor: Outcome | None = None) -> DrawResult:
    return DrawResult(primary, cursor, None)


def test_the_status_is_that_of_the_draw_as_long_as_there_is_a_picture() -> None:
    copied = _drawn(Outcome(PixelPath.COPY, None, (), COPIED))
    assert picture_status(SHOWN, None, None) is OK
    assert picture_status(SHOWN, copied, None) is COPIED
    assert picture_status(SHOWN, copied, FAILED) is FAILED
    assert picture_status(Frame(OFF), copied, FAILED) is OFF


def test_the_path_is_that_of_the_primary_plane() -> None:
    assert path_name(_drawn(Outcome(PixelPath.BRIDGE, None, (), OK))) == "bridge"
    assert [path_name(each) for each in (None, _drawn(), _drawn(Outcome(None, None, (), REFUSED)))] == ["", "", ""]


def test_a_cursor_that_the_source_or_the_gpu_refuses_is_a_problem() -> None:
    assert cursor_problem(Frame(OK, surface(), cursor_status=REFUSED), None) is REFUSED
    assert cursor_problem(SHOWN, _drawn(cursor=Outcome(None, None, (), REFUSED))) is REFUSED
    assert cursor_problem(SHOWN, _drawn(cursor=Outcome(PixelPath.COPY, None, (), COPIED))) is None
    awaited = Status(Reason.IMPORT_AWAITED)
    assert cursor_problem(SHOWN, _drawn(cursor=Outcome(None, None, (), awaited))) is None


def test_every_import_that_failed_is_a_line_of_the_details() -> None:
    failures = (
        ImportFailure(ImportMethod.EXPORT, None, "no dma-buf here"),
        ImportFailure(ImportMethod.EXPLICIT, "EGL_BAD_MATCH", "not taken"),
    )
    drawn = _drawn(Outcome(PixelPath.COPY, None, failures, OK))
    assert failed_imports(drawn) == (
        "export failed: no dma-buf here",
        "explicit-modifier failed: not taken (EGL_BAD_MATCH)",
    )
    assert failed_imports(None) == failed_imports(_drawn()) == ()
