"""The commands of ``nonsingular``: one module each, with a ``register`` that adds it."""
