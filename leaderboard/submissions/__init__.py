"""Submissions: checking, storing and naming submitted checkpoints."""
