"""Access to a device: opens it, duplicates a VM's fd of it, or gets a duplicate from root's helper."""
