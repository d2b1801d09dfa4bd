"""Acting on the whole VM: power, and what happens when the window of a started VM is closed."""
