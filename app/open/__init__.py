"""From the TARGET that a user types to an open session."""
