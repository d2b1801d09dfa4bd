"""Programs that attacks need: hostile ones, and mdevview with other limits."""
