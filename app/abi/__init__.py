"""The kernel's ABI with the kernel's names: numbers and structs, no logic."""
