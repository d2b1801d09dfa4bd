"""What this host has: processes, who holds which device, VMs, vGPUs, kernel modules, hot-plug events."""
