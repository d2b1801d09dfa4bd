"""Findings about a picture: the facts of one session, the rules, and their rank."""
