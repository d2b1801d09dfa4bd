"""Recordings: what a device answered over time, in a file, and a device that answers the same again."""
