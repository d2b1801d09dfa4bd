"""Opens the TARGET that a user types as a session."""
