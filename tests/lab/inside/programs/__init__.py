"""Programs of the standard library alone, which tests start beside mdevview."""
