"""Attacks on the program: one file for each promise of SECURITY.md. Each test failed before its promise was kept."""
