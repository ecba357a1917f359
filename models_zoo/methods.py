"""Training methods: what is scored where the question is about training and not about a checkpoint.

A method has a card and a fingerprint as a model has, so that it is loaded, scored, stored and shown
like one, but no weights and no logits: a probe that takes methods trains it. The names of methods
are those of models, such as ``digits/anomaly-aae``. :func:`models_zoo.list_models` does not list
them, so that patterns mean models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from models_zoo.card import Card, Training
from models_zoo.image_sets import IMAGE_SETS

PREFIX = "method:"
"""How the architecture on the card of a method begins."""

DATASETS = ("digits", "fashion-mnist", "mnist")
"""Data sets that methods are trained on."""


@dataclass(frozen=True)
class MethodSpec:
    """What a method is, on whatever data set.

    Attributes:
        notes: for its card.
        settings: constants of the method; how long and how large it is trained is the battery's
            choice, the same for all methods.
        paper: where it was published.
        version: increased whenever the same settings train something else.
        package: that it needs and that is not installed by default; the extra of this package that
            installs it has the same name.
    """

    notes: str
    settings: dict[str, float | int | str | bool] = field(default_factory=dict)
    paper: str | None = None
    version: int = 1
    package: str | None = None


_BEGGEL = "https://arxiv.org/abs/1901.06355"
_THRESHOLDS = "anomalous above the 90th percentile of the errors of the training set"

METHODS = {
    "anomaly-ae": MethodSpec(
        f"Autoencoder trained to the end; {_THRESHOLDS}.", {"latent": 32}, _BEGGEL
    ),
    "anomaly-ae-early": MethodSpec(
        f"The same autoencoder, stopped after few epochs that the battery names; {_THRESHOLDS}.",
        {"latent": 32},
    ),
    "anomaly-ae-trimmed": MethodSpec(
        "Autoencoder whose loss leaves out the largest errors of every batch; " + _THRESHOLDS + ".",
        {"latent": 32, "trimmed": 0.05},
    ),
    "anomaly-aae": MethodSpec(
        "Adversarial autoencoder with a standard normal prior in two dimensions; anomalous by its "
        "error or by the likelihood of its code (reconstruction of the source's baseline).",
        {"latent": 2},
        _BEGGEL,
    ),
    "anomaly-aae-rejecting": MethodSpec(
        "Adversarial autoencoder that rejects likely outliers while it is trained (iterative "
        "training set refinement, our reconstruction: the weight of rejected examples, the kernel "
        "width and that candidates accumulate over the rounds are our choices).",
        {
            "latent": 2,
            "rounds": 10,
            "nu": 0.02,
            "retrained_percentile": 80,
            "rejected_weight": -0.1,
        },
        _BEGGEL,
    ),
    "anomaly-ocsvm": MethodSpec(
        "One-class SVM of scikit-learn (RBF kernel) on 32 principal components.",
        {"components": 32, "nu": 0.1},
    ),
    "anomaly-iforest": MethodSpec("Isolation forest of scikit-learn.", {"trees": 100}),
    "anomaly-ecod": MethodSpec(
        "ECOD of pyod (tails of empirical distributions) on 32 principal components; images are "
        "scored one by one.",
        {"components": 32},
        "https://arxiv.org/abs/2201.00382",
        package="pyod",
    ),
    "anomaly-knn": MethodSpec(
        "Distance to the fifth nearest training example, KNN of pyod.",
        {"neighbors": 5},
        "https://doi.org/10.1145/342009.335437",
        package="pyod",
    ),
}
"""The methods by their names without data set."""


def list_methods(pattern: str = "*") -> list[str]:
    """Names of the methods that match a pattern with ``*`` and ``?``, sorted.

    Args:
        pattern: such as ``"digits/*"``.
    """
    names = (f"{dataset}/{method}" for dataset in DATASETS for method in METHODS)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def is_method(name: str) -> bool:
    """Whether a name is that of a method."""
    dataset, _, method = name.partition("/")
    return dataset in DATASETS and method in METHODS


def package_for(card: Card) -> str | None:
    """The package that a method needs and that is not installed by default; ``None`` for none.

    Args:
        card: of a method or of a model.
    """
    spec = METHODS.get(card.recipe) if card.architecture.startswith(PREFIX) else None
    return spec.package if spec is not None else None


def method_card(name: str) -> Card:
    """The card of a method.

    Args:
        name: one of :func:`list_methods`.
    """
    dataset, _, method = name.partition("/")
    spec, images = METHODS[method], IMAGE_SETS[dataset]
    return Card.model_validate(
        {
            "name": name,
            "dataset": dataset,
            "architecture": f"{PREFIX}{method.removeprefix('anomaly-')}",
            "classes": images.classes,
            "input_shape": images.input_shape,
            "mean": (0.0,),
            "std": (1.0,),
            "licence": "Apache-2.0",
            "paper": spec.paper,
            "notes": spec.notes,
            "training": Training(
                recipe=method,
                settings={**spec.settings, "version": spec.version},
                data=f"{dataset} training split, contaminated by the probe",
            ),
        }
    )
