"""Device tests for the guest of the lab: real drivers, root, nothing to lose."""
