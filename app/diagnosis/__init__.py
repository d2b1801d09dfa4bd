"""Findings about this host and about pictures: problems, their evidence, and their remedies."""
