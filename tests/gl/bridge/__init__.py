"""Tests of the bridge between two GPUs."""
