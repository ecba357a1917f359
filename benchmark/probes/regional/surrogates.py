"""Surrogates: the other models of a battery, whose examples are transferred to the subject.

This is the only place where the benchmark loads a model of the zoo. A battery names its surrogates,
so that a transfer score depends on the battery and not on what else happens to be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.subject import Subject
from models_zoo.classifier import Classifier


def require_surrogates(names: Sequence[str]) -> None:
    """Check that models can be loaded, by loading them.

    Args:
        names: models of the zoo.

    Raises:
        InputError: a name is not one of the zoo's, or its checkpoint cannot be downloaded or read.
    """
    from models_zoo import load_model

    for name in names:
        load_model(name)


def load_surrogates(
    subject: Subject, names: Sequence[str]
) -> tuple[dict[str, Subject], dict[str, str]]:
    """Load the surrogates that fit a subject.

    Their passes count towards the subject's cost.

    Args:
        subject: the attacked model with its examples.
        names: models of the zoo.

    Returns:
        The surrogates with the same examples, and by name the reasons why others were left out: the
        subject itself, by its fingerprint, and models for other images or classes.

    Raises:
        InputError: a name is not one of the zoo's, or its checkpoint cannot be read.
    """
    from models_zoo import load_model  # imports every architecture, and few probes need a surrogate

    shape, classes = tuple(subject.images.shape[1:]), subject.logits().shape[1]
    own = subject.model.fingerprint if isinstance(subject.model, Classifier) else None
    surrogates, left_out = {}, {}
    for name in names:
        model = load_model(name)
        takes = tuple(model.card.input_shape)
        if model.fingerprint == own:
            left_out[name] = "it is this model"
        elif takes != shape or model.card.classes != classes:
            left_out[name] = f"it takes images {takes} and has {model.card.classes} classes"
        else:
            surrogates[name] = Subject(
                model.to(subject.images.device),
                subject.images,
                subject.labels,
                seed=subject.seed,
                batch_size=subject.batch_size,
                progress=subject.progress,
                passes=subject.passes,
            )
    return surrogates, left_out
