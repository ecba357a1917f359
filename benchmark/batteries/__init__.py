"""Batteries: frozen, versioned lists of probes with their budgets, as TOML."""

from benchmark.batteries.battery import Battery, battery_for, list_batteries, load_battery

__all__ = ["Battery", "battery_for", "list_batteries", "load_battery"]
