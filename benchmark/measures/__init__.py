"""Measures: numbers of a model's surroundings that are not accuracies."""
