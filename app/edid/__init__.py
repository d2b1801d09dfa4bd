"""EDIDs: making one for the mode a user asks for, and reading what one says. Bytes in, bytes out; no device."""
