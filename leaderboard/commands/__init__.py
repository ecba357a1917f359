"""The commands of ``nonsingular``: one module per command, whose ``register`` adds it."""
