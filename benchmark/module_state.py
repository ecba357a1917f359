"""A module's tensors and flags: recorded, compared and restored."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

from models_zoo.errors import InputError, reason_of


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside wrappers that only distribute batches over devices."""
    while isinstance(model, DataParallel | DistributedDataParallel):
        model = model.module
    return model


def ordinary(model: nn.Module) -> nn.Module:
    """The module itself, or a copy if it was built under ``torch.inference_mode()``.

    Tensors of that mode have no gradients.

    Raises:
        InputError: it cannot be copied, or some of its tensors have no shape yet.
    """
    for name, tensor in _tensors(model):
        if is_lazy(tensor):
            raise InputError(
                f"the model's tensor {name!r} has no shape yet; call the model once on a batch of "
                "images before passing it in"
            )
    if not any(tensor.is_inference() for _, tensor in _tensors(model)):
        return model
    try:
        return copy.deepcopy(model)
    except (
        Exception
    ) as error:  # the attributes of a module can raise any error when they are copied
        raise InputError(
            "the model was built under torch.inference_mode() and cannot be copied "
            f"({reason_of(error)}); build it outside"
        ) from error


class ModuleState:
    """The state of a module when it was passed in.

    Args:
        model: any module, on one device.

    Raises:
        InputError: its tensors are on several devices or on none, or a parameter is not finite.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.training = {module: _in_training(module) for module in model.modules()}
        self.asking = {each: each.requires_grad for each in model.parameters()}
        self.devices = {tensor.device for _, tensor in _tensors(model)}
        self.tensors: dict[str, Tensor] = {}
        self._orders: dict[nn.Parameter, Tensor] = {}
        self._require_usable()

    def examine(self, device: torch.device) -> None:
        """Set eval mode, disable parameter gradients, move to ``device``; record the tensors."""
        self._move(device)
        self.tensors = {name: tensor.detach().clone() for name, tensor in _tensors(self.model)}
        try:
            self.model.eval()
        except NotImplementedError as error:  # the modules of exported programs
            raise InputError(
                f"the model cannot be put into eval mode ({reason_of(error)}); pass the "
                "module it was exported from"
            ) from error
        self._require_quiet_eval()
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
            if not parameter.is_contiguous():  # another memory layout rounds differently
                self._orders[parameter] = parameter.data
                parameter.data = parameter.data.contiguous()

    def changed(self) -> str | None:
        """A text on what has changed since :meth:`examine`; ``None`` if nothing has.

        Whether a parameter requires gradients does not matter, and is restored at the end.
        """
        change = self._other_tensor()
        if change is not None:
            return change
        for name, module in self.model.named_modules():
            if _in_training(module):
                return f"its module {name!r} goes into train mode"
        return None

    def _other_tensor(self) -> str | None:
        now = dict(_tensors(self.model))
        for name in now.keys() ^ self.tensors.keys():
            return f"its tensor {name!r} {'appears' if name in now else 'disappears'}"
        for name, before in self.tensors.items():
            tensor = now[name]
            if tensor.shape != before.shape or tensor.dtype != before.dtype:
                return f"its tensor {name!r} is replaced by another"
            if not _same(tensor, before):
                return f"its tensor {name!r} changes"
        return None

    def _move(self, device: torch.device) -> None:
        """Move to a device, unless it is there already, since ``to`` may be overridden."""
        if self.devices == {device}:
            return
        try:
            self.model.to(device)
        except Exception as error:  # some modules are bound to a device, or too large for another
            raise InputError(
                f"the model cannot be moved to {str(device)!r}: {reason_of(error)}"
            ) from error
        if any(tensor.device.type != device.type for _, tensor in _tensors(self.model)):
            raise InputError(
                f"the model's own to() does not move its tensors to {str(device)!r}; move them "
                "before passing it in"
            )

    def _require_quiet_eval(self) -> None:
        """Refuse a model that is not in eval mode now, or whose tensors differ in it."""
        change = self._other_tensor()
        if change is not None:
            self.model.train(self.training[self.model])  # as set by its own train()
            raise InputError(
                f"the model is another one in eval mode: {change}, as when adapters are merged "
                "into weights; call model.eval() before passing it in"
            )
        for name, module in self.model.named_modules():
            if _in_training(module):
                raise InputError(
                    f"model.eval() leaves its module {name!r} in train mode; remove what keeps it "
                    "there"
                )

    def restore(self) -> None:
        """Restore tensors, flags and device, and remove buffers that have appeared."""
        now = dict(_tensors(self.model))
        with torch.no_grad():
            for name, before in self.tensors.items():
                tensor = now.get(name, before)
                if tensor.shape == before.shape and not _same(tensor, before):
                    tensor.copy_(before)
        for name in now.keys() - self.tensors.keys():
            home, _, own = name.rpartition(".")
            self.model.get_submodule(home)._buffers.pop(own, None)
        for parameter, data in self._orders.items():
            parameter.data = data
        for device in self.devices:
            if any(tensor.device != device for _, tensor in _tensors(self.model)):
                self.model.to(device)
        for module, flag in self.training.items():
            if _in_training(module) != flag:
                module.training = flag
        for parameter, flag in self.asking.items():
            parameter.requires_grad_(flag)

    def _require_usable(self) -> None:
        if len(self.devices) > 1:
            names = ", ".join(sorted(map(str, self.devices)))
            raise InputError(
                f"the model's tensors lie on several devices ({names}); move it to one with "
                "model.to(device)"
            )
        if self.devices == {torch.device("meta")}:
            raise InputError("the model is on the device 'meta', without weights; load them first")
        for name, parameter in self.model.named_parameters():
            if type(parameter.data) is not Tensor:
                raise InputError(
                    f"the model's parameter {name!r} is a {type(parameter.data).__name__}, spread "
                    "over devices or packed; gather the weights into a plain module first"
                )
            if parameter.layout != torch.strided:
                raise InputError(
                    f"the model's parameter {name!r} is sparse; make it dense with .to_dense()"
                )
            if parameter.is_floating_point() and not bool(parameter.detach().isfinite().all()):
                raise InputError(
                    f"the model's parameter {name!r} is NaN or infinite somewhere; load or train "
                    "it again"
                )


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _in_training(module: nn.Module) -> bool:
    return bool(getattr(module, "training", False))  # frozen TorchScript modules have no such flag


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal, with NaN equal to itself."""
    if torch.equal(one, other):
        return True
    if not (one.is_floating_point() or one.is_complex()):
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())
