"""Submissions: checking, keeping and naming a checkpoint that somebody else trained."""
