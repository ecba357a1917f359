"""Executors: where the evaluations of several models run."""

from benchmark.executors.local import Listener, Task, cores, default_jobs, run_local

__all__ = ["Listener", "Task", "cores", "default_jobs", "run_local"]
