"""Text that others chose."""
