"""Repeatable measurements, also of other tools; each module is one command."""
