"""Repeatable measurements against peers; each module is one command."""
