"""EDIDs: makes one for the mode that a user wants, and parses one. Works on bytes only, without a device."""
