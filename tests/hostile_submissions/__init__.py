"""Submissions that attack the service or are broken, made by code: see ``__main__``."""
