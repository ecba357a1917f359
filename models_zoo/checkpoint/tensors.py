"""Tensors as PyTorch writes them into pickles: the functions that would build them, by name."""

from __future__ import annotations

from typing import Any

from models_zoo.checkpoint.stored import DamagedError, Stored, Unusable, strided

_HOME = "torch._utils._rebuild_"
_OTHER = {
    "sparse_tensor": "a sparse tensor",
    "sparse_csr_tensor": "a sparse tensor",
    "qtensor": "a quantized tensor",
    "nested_tensor": "a nested tensor",
    "meta_tensor_no_storage": "a meta tensor, which has no numbers",
    "wrapper_subclass": "a tensor of another library",
    "device_tensor_from_numpy": "a tensor of another device",
    "device_tensor_from_cpu_tensor": "a tensor of another device",
    "xla_tensor": "a tensor of another device",
}
_PLAIN = {
    *("torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter"),
    *("torch.nn.parameter.Buffer", "torch.nn.Parameter", "torch.nn.Buffer"),
}


def rebuilt(function: str, arguments: list[Any], kind: str = "torch.Tensor") -> object | None:
    """What a function of PyTorch would return for its arguments.

    Args:
        function: its full name.
        arguments: from the pickle, tensors as descriptions.
        kind: full name of the class that the tensor would have.

    Returns:
        :class:`Stored`, :class:`Unusable`, or ``None`` if the function does not return a tensor.

    Raises:
        DamagedError: the arguments are not those of the function.
    """
    if kind not in _PLAIN:
        return Unusable(f"a tensor of the class {kind}")
    if not function.startswith(_HOME):
        return None
    what = function.removeprefix(_HOME)
    if what in _OTHER:
        return Unusable(_OTHER[what])
    try:
        if what in ("parameter", "parameter_with_state"):
            return _tensor(arguments[0])
        if what in ("tensor", "tensor_v2"):
            storage, offset, shape, stride = arguments[:4]
            return strided(storage, offset, shape, stride)
        if what == "tensor_v3":
            named = getattr(arguments[6], "name", "").rpartition(".")[2]
            storage, offset, shape, stride = arguments[:4]
            return strided(storage, offset, shape, stride, named)
    except (IndexError, ValueError) as error:
        if isinstance(error, DamagedError):
            raise
        raise DamagedError("a tensor is described by too few values") from error
    return None


def _tensor(value: object) -> object:
    if not isinstance(value, Stored | Unusable):
        raise DamagedError("a parameter that is not a tensor")
    return value
