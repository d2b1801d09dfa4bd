"""The kernel's side and all pure logic of mdevview: no Qt, no GL."""

__version__ = "0.1.0"
