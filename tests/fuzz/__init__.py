"""Damaged and hostile input for all that decodes: no crash, no unbounded memory, only the errors that are meant."""
