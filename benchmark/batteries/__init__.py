"""Batteries: frozen, versioned lists of probes with their budgets, as TOML."""

from benchmark.batteries.battery import Battery, battery_for, list_batteries, load_battery
from benchmark.batteries.history import Frozen, frozen_batteries

__all__ = [
    "Battery",
    "Frozen",
    "battery_for",
    "frozen_batteries",
    "list_batteries",
    "load_battery",
]
