"""Fuzzers that run for as long as they are told to: ``python -m tests.attacks.fuzz NAME --minutes M``."""
