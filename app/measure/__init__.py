"""When to poll and when to draw, and the frame rate. Pure code with an injected clock."""
