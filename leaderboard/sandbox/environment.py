"""The environment variables of a child: a short list, and nothing else of its parent's."""

from __future__ import annotations

import os
from collections.abc import Mapping

KEPT = (
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "OMP_PROC_BIND",
    "GOMP_SPINCOUNT",
    "GOMP_CPU_AFFINITY",
    "KMP_BLOCKTIME",
    "KMP_AFFINITY",
    "MKL_NUM_THREADS",
    "MKL_CBWR",
    "OPENBLAS_NUM_THREADS",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""What can change a number that PyTorch computes, or its speed; none has a secret."""


def environment_of_child(
    temporary: str, given: Mapping[str, str], parent: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All variables of a child.

    Args:
        temporary: its private folder.
        given: variables that it needs besides, such as the folder of data sets.
        parent: the variables of this process.
    """
    here = os.environ if parent is None else parent
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": temporary,
        "TMPDIR": temporary,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{name: here[name] for name in KEPT if name in here},
        **given,
    }
