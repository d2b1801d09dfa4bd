"""The guest of a simulated device: what it draws, where it puts it, when it flips."""
