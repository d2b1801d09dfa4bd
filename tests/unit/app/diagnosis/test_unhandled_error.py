"""What is said about an exception that no command handled."""

import pytest

from app.diagnosis.unhandled_error import unhandled_error_finding


@pytest.mark.parametrize(
    ("error", "key", "message", "remedy"),
    [
        (ImportError("no libEGL"), "library", "a library is missing: no libEGL", "'mdevview doctor' looks into it"),
        (FileNotFoundError(2, "No such file", "shot.png"), "system", "shot.png: No such file", ""),
        (OSError(28, "No space left"), "system", "No space left", ""),
        (
            RuntimeError("oops"),
            "internal-error",
            "internal error: RuntimeError: oops",
            "please report it with the output of -vv",
        ),
    ],
)
def test_each_kind_of_error(error: Exception, key: str, message: str, remedy: str) -> None:
    finding = unhandled_error_finding(error)
    assert (finding.key, finding.message, finding.remedy) == (key, message, remedy)


def test_errors_of_opengl_are_known_to_the_caller_alone() -> None:
    finding = unhandled_error_finding(RuntimeError("eglInitialize failed"), graphics=True)
    assert (finding.key, finding.message) == ("graphics", "eglInitialize failed")
    assert "doctor" in finding.remedy
