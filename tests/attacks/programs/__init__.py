"""Programs that the attacks run in a process of their own."""
