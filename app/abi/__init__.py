"""The kernel ABI in the kernel's own names: numbers and structs, no logic."""
