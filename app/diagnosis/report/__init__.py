"""Findings for people and programs: documents, doctor's verdict, and a report without private names."""
