"""Findings about this host: its GPUs, its vGPUs, the kernel, this user's rights, the toolkit."""
