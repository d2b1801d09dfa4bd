"""Hosts as people run them, laid out with tests.unit.hosts. Each is one module with a function ``lay_out(host)``."""
