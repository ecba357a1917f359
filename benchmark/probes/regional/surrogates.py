"""The other models of a battery, on which examples are made to be carried over to the subject.

This is the one place where the benchmark asks the zoo for a model. A battery names its peers, so
that a transfer score depends on the battery and not on what else happens to be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.subject import Subject
from models_zoo.classifier import Classifier


def require_peers(names: Sequence[str]) -> None:
    """Check that models can be loaded, by loading them.

    Args:
        names: models of the zoo.

    Raises:
        InputError: a name is not one of the zoo's, or its checkpoint cannot be had or read.
    """
    from models_zoo import load_model

    for name in names:
        load_model(name)


def load_peers(subject: Subject, names: Sequence[str]) -> tuple[dict[str, Subject], dict[str, str]]:
    """The peers that can make examples for a subject, loaded when they are needed.

    Their passes count towards the subject's cost.

    Args:
        subject: the attacked model with its examples.
        names: models of the zoo.

    Returns:
        The peers with the same examples, and by name why others were left out: the subject itself,
        by its fingerprint, and models that take other images or know other classes.

    Raises:
        InputError: a name is not one of the zoo's, or its checkpoint cannot be read.
    """
    from models_zoo import load_model  # imports every architecture, and few probes need a peer

    shape, classes = tuple(subject.images.shape[1:]), subject.logits().shape[1]
    own = subject.model.fingerprint if isinstance(subject.model, Classifier) else None
    peers, left_out = {}, {}
    for name in names:
        model = load_model(name)
        takes = tuple(model.card.input_shape)
        if model.fingerprint == own:
            left_out[name] = "it is this model"
        elif takes != shape or model.card.classes != classes:
            left_out[name] = f"it takes images {takes} and has {model.card.classes} classes"
        else:
            peers[name] = Subject(
                model.to(subject.images.device),
                subject.images,
                subject.labels,
                seed=subject.seed,
                batch_size=subject.batch_size,
                progress=subject.progress,
                passes=subject.passes,
            )
    return peers, left_out
