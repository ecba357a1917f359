"""Attacks: searches for the worst perturbation in a space, with verification."""
