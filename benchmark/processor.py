"""The processor that computes: the last bits of a score depend on its vector instructions."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

MAX_LENGTH = 100
"""Maximum length of a description, in characters."""


@cache
def cpu_name() -> str:
    """The name that the CPU gives itself, or else its architecture."""
    return _cpu().get("model name") or platform.processor() or platform.machine()


@cache
def processor(device: str) -> str:
    """Describe what computes on a device, as far as it can change the last bits of a score.

    Libraries choose their kernels, and so the order of sums, by the processor and its vector
    instructions.

    Args:
        device: such as ``"cpu"`` or ``"cuda:0"``.

    Returns:
        Printable ASCII, such as ``"AMD EPYC (family 25, model 17, AVX512)"`` or, on a GPU,
        ``"NVIDIA H200 (compute capability 9.0)"``.
    """
    if device.startswith("cuda"):
        major, minor = torch.cuda.get_device_capability(device)
        return _printed(torch.cuda.get_device_name(device), [f"compute capability {major}.{minor}"])
    cpu = _cpu()
    # Virtual machines often have a name without a number.
    found = {"family": cpu.get("cpu family"), "model": cpu.get("model")}
    details = [f"{name} {value}" for name, value in found.items() if value]
    return _printed(cpu_name(), [*details, torch.backends.cpu.get_cpu_capability()])


def _cpu() -> dict[str, str]:
    """The first CPU's lines of ``/proc/cpuinfo``, on Linux."""
    table = Path("/proc/cpuinfo")
    text = table.read_text("utf-8", "replace") if table.is_file() else ""
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _printed(name: str, details: list[str]) -> str:
    text = f"{name} ({', '.join(details)})"
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text)[
        :MAX_LENGTH
    ]
