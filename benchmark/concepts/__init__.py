"""Concept activation vectors: directions in a layer's activations that stand for a concept.

Images of the concept are drawn (:mod:`~benchmark.concepts.images`) or taken from photographs
(:mod:`~benchmark.concepts.concept`), the activations of a layer are
read (:mod:`~benchmark.concepts.layers`), linear classifiers are trained on them
(:mod:`~benchmark.concepts.vectors`), and test images are ranked by these and the derivatives of
their logits along them taken (:mod:`~benchmark.concepts.sensitivity`). The probe ``concepts`` asks
how well the ranking works and how far it depends on the seed.
"""

from __future__ import annotations

from benchmark.concepts.concept import Concept, ConceptName, LabeledImages, concept_of
from benchmark.concepts.images import loops, strokes
from benchmark.concepts.layers import Layer, activations, choose_layer
from benchmark.concepts.sensitivity import Responses, respond
from benchmark.concepts.subspaces import orthogonal_negatives
from benchmark.concepts.vectors import Directions, fit_adversarial, fit_logistic, fit_sgd

__all__ = [
    "Concept",
    "ConceptName",
    "Directions",
    "LabeledImages",
    "Layer",
    "Responses",
    "activations",
    "choose_layer",
    "concept_of",
    "fit_adversarial",
    "fit_logistic",
    "fit_sgd",
    "loops",
    "orthogonal_negatives",
    "respond",
    "strokes",
]
