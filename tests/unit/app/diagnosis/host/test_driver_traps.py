"""The traps of graphics drivers, by driver and version."""

import pytest

from app.diagnosis.host.driver_traps import DriverFacts, driver_trap_findings


@pytest.mark.parametrize(
    ("driver", "version", "software", "trap"),
    [
        ("swrast", "OpenGL ES 3.2 Mesa 22.3.6", True, "import no dma-bufs"),
        ("swrast", "OpenGL ES 3.2 Mesa 24.0.9", True, "import no dma-bufs"),
        ("swrast", "OpenGL ES 3.2 Mesa 24.1.0-devel", True, None),
        ("kms_swrast", "OpenGL ES 3.2 Mesa 25.0.7-2", True, "cannot read imported buffers"),
        ("iris", "OpenGL ES 3.2 Mesa 20.0.4", False, "blocks of old content"),
        ("iris", "OpenGL ES 3.2 Mesa 20.1.0", False, None),
        ("iris", "OpenGL ES 3.2 Mesa 22.3.6", False, None),
        ("", "OpenGL ES 3.2 NVIDIA 550.54", False, None),
        ("", "OpenGL ES 3.2 Mesa", True, None),
    ],
)
def test_traps(driver: str, version: str, software: bool, trap: str | None) -> None:
    found = list(driver_trap_findings(DriverFacts(driver, version, "renderer", software), "/dev/dri/renderD128"))
    assert [each.key for each in found] == (["driver-trap"] if trap else [])
    if trap:
        assert trap in found[0].message and found[0].message.startswith("/dev/dri/renderD128: ")
        assert "source: " in found[0].evidence and found[0].remedy
