"""Measures frames: when to poll and draw, what is recorded, how runs compare. Pure code with an injected clock."""
