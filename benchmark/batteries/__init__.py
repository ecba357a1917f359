"""Batteries: frozen, versioned lists of probes with their budgets, as TOML."""

from benchmark.batteries.battery import Battery, battery_for, list_batteries, load_battery
from benchmark.batteries.history import Frozen, frozen_batteries
from benchmark.batteries.stored import stored_headline_threats, stored_probes

__all__ = [
    "Battery",
    "Frozen",
    "battery_for",
    "frozen_batteries",
    "list_batteries",
    "load_battery",
    "stored_headline_threats",
    "stored_probes",
]
