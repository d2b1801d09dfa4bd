"""The tests that run in dom0."""
