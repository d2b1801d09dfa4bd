"""Times the paths of a frame."""
