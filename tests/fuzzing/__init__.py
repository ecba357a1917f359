"""Damaged inputs without end for everything that reads what strangers send: see ``__main__``."""
