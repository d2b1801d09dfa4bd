"""What this host has: processes, the holders of devices, VMs, vGPUs, kernel modules, hot-plug events."""
