"""How numbers, budgets, probes and names are written, wherever they are shown."""
