"""Times on a made-up host; none of them is a test."""
