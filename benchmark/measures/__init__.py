"""Measures of a model's loss and predictions near its inputs and weights."""
