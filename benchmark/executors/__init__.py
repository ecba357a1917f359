"""Executors: where the evaluations of several models run."""

from benchmark.executors.local import cores, default_jobs, run_local
from benchmark.executors.task import Listener, Task

__all__ = ["Listener", "Task", "cores", "default_jobs", "run_local"]
