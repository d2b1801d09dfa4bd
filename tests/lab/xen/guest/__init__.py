"""What runs in a guest. Only the standard library."""
