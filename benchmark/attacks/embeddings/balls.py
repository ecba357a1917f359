"""The weight ball of a backdoor, which may hold the rows of its trigger's tokens alone."""

from __future__ import annotations

from torch import Tensor

from benchmark.attacks.embeddings.tables import row_support, table_of
from benchmark.attacks.weights import weight_ball
from benchmark.spaces import WeightBall
from benchmark.subject import Subject
from benchmark.threats import ROW_RULE, BackdoorThreat
from benchmark.triggers import TokenTrigger, Trigger
from models_zoo.errors import InputError


def trigger_ball(
    subject: Subject, threat: BackdoorThreat, trigger: Trigger, table: str | None = None
) -> WeightBall:
    """The ball around a model's own weights in which a backdoor is injected.

    Args:
        subject: the model.
        threat: with the rule; only :data:`benchmark.threats.ROW_RULE` depends on the trigger.
        trigger: the trigger.
        table: name of the embedding of tokens; by default the only one that the model has.

    Raises:
        InputError: the rule is about rows, and the trigger has no tokens, or tokens without a row.
    """
    if threat.rule != ROW_RULE:
        return weight_ball(subject, threat.weights)
    name, rows = rows_of(subject, trigger, table)
    embedding = {name: subject.weights_that_move("embedding")[name]}
    return WeightBall(embedding, threat.radius, threat.geometry, {name: rows})


def rows_of(subject: Subject, trigger: Trigger, table: str | None = None) -> tuple[str, Tensor]:
    """The embedding of tokens, and which of its rows are of a trigger's: bool (V, 1).

    Args:
        subject: the model.
        trigger: the trigger.
        table: name of the embedding; by default the only one that the model has.

    Raises:
        InputError: the trigger has no tokens, or tokens without a row.
    """
    if not isinstance(trigger, TokenTrigger):
        raise InputError(
            f"rule {ROW_RULE!r} changes the rows of a trigger's tokens, and the trigger {trigger} "
            "has none; choose another rule"
        )
    name = table_of(subject) if table is None else table
    embedding = subject.weights_that_move("embedding")[name]
    if max(trigger.ids) >= len(embedding):
        raise InputError(
            f"the trigger {trigger} has the token id {max(trigger.ids)}, and the model's embedding "
            f"has {len(embedding):,} rows"
        )
    return name, row_support(embedding, trigger.ids)
