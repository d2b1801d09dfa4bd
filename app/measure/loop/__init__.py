"""The frame loop: when to poll, to look at the pixels and to draw."""
