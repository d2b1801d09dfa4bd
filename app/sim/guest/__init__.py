"""The guest of a simulated device: its drawing, its memory and its flips."""
