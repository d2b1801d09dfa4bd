"""Compares the documents of runs."""
