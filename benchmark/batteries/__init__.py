"""Batteries: frozen, versioned lists of probes with their budgets, as TOML."""

from benchmark.batteries.battery import (
    Battery,
    battery_for,
    battery_for_methods,
    battery_for_random_models,
    content_sha256,
    list_batteries,
)
from benchmark.batteries.history import Frozen, battery_histories, frozen_batteries
from benchmark.batteries.own import is_battery_file, load_battery, read_battery, require_own_name
from benchmark.batteries.stored import stored_headline_threats, stored_probes
from benchmark.batteries.unchanged import is_unchanged

__all__ = [
    "Battery",
    "Frozen",
    "battery_for",
    "battery_for_methods",
    "battery_for_random_models",
    "battery_histories",
    "content_sha256",
    "frozen_batteries",
    "is_battery_file",
    "is_unchanged",
    "list_batteries",
    "load_battery",
    "read_battery",
    "require_own_name",
    "stored_headline_threats",
    "stored_probes",
]
