"""Executors: where the workers of a run are."""

from leaderboard.jobs.executors.executor import Executor, cores, default_workers

__all__ = ["Executor", "cores", "default_workers"]
