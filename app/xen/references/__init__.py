"""Grant references as a picture."""
