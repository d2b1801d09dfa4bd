"""What changes while a target is watched, one line for each change."""
