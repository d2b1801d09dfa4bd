"""Findings: what is wrong on this host or with a picture, and what to do about it."""
