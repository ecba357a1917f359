"""Settings of all tests: one thread a process, because the tests run in several processes."""

import os

# Before torch is imported, so that it also holds for the commands that tests start.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
