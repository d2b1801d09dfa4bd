"""The finding for an exception that no command handled."""

from app.diagnosis.finding import Finding, Severity

_ASK_DOCTOR = "'mdevview doctor' looks into it"


def unhandled_error_finding(error: Exception, *, graphics: bool = False) -> Finding:
    """The finding for ``error``. ``graphics`` says that EGL or OpenGL raised it, which this package does not know."""
    if graphics:
        return Finding("graphics", Severity.ERROR, str(error), remedy=_ASK_DOCTOR)
    if isinstance(error, ImportError):
        return Finding("library", Severity.ERROR, f"a library is missing: {error}", remedy=_ASK_DOCTOR)
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return Finding("system", Severity.ERROR, message)
    if isinstance(error, MemoryError):
        return Finding(
            "system", Severity.ERROR, "not enough memory", remedy="end other programs, or raise the limit (ulimit -v)"
        )
    return Finding(
        "internal-error",
        Severity.ERROR,
        f"internal error: {type(error).__name__}: {error}",
        remedy="please report it with the output of -vv",
    )
