"""Backdoors that change the embedding rows of a trigger's tokens and nothing else.

They bound no change of the weights, and are compared with injections that do.
"""

from benchmark.attacks.embeddings.balls import rows_of, trigger_ball
from benchmark.attacks.embeddings.poisoning import poisoned_rows
from benchmark.attacks.embeddings.supports import RuleSupport
from benchmark.attacks.embeddings.surgery import target_like, transplanted_rows
from benchmark.attacks.embeddings.tables import relative_move, row_support, table_of

__all__ = [
    "RuleSupport",
    "poisoned_rows",
    "relative_move",
    "row_support",
    "rows_of",
    "table_of",
    "target_like",
    "transplanted_rows",
    "trigger_ball",
]
