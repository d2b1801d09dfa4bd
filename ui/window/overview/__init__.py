"""The overview: many vGPUs in one window."""
