"""The PV keyboard and pointer of a guest (vkbd)."""
