"""Stored results in the formats that others read."""
