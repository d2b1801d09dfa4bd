"""When to ask, when to draw, and how often it happened: pure code on an injected clock."""
