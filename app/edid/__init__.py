"""EDIDs: make one for the mode that a user wants, and parse one. Only bytes; no device is used."""
