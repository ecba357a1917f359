"""Sparse backdoors: a trigger and a target class injected by few changed weights or bits.

Sources: OneFlip (one bit of a weight in float32) and SoleFlip (one bit of a weight in 8 bits), from
their code. :mod:`benchmark.attacks.sparse.search` lists the differences.
"""

from benchmark.attacks.sparse.attack import SparseBackdoorAttack, SparseBackdoorResult
from benchmark.attacks.sparse.calling import inject_sparse_backdoor
from benchmark.attacks.sparse.changes import Change, WorkingWeights, applied
from benchmark.attacks.sparse.injection import Found, SparseInjection
from benchmark.attacks.sparse.learned_triggers import (
    LearnedNoise,
    LearnedPixels,
    NoiseSearch,
    PixelSearch,
    TriggerSearch,
)
from benchmark.attacks.sparse.outcome import SparseOutcome, measure_sparse
from benchmark.attacks.sparse.search import SparseEffort, SparseState, search_states
from benchmark.attacks.sparse.storage import (
    Storage,
    Support,
    storage_of,
    stored_in_float32,
)

__all__ = [
    "Change",
    "Found",
    "LearnedNoise",
    "LearnedPixels",
    "NoiseSearch",
    "PixelSearch",
    "SparseBackdoorAttack",
    "SparseBackdoorResult",
    "SparseEffort",
    "SparseInjection",
    "SparseOutcome",
    "SparseState",
    "Storage",
    "Support",
    "TriggerSearch",
    "WorkingWeights",
    "applied",
    "inject_sparse_backdoor",
    "measure_sparse",
    "search_states",
    "storage_of",
    "stored_in_float32",
]
