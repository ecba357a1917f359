"""Attacks: what an adversary finds in a space, verified."""
