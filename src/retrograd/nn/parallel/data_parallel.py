"""A module that splits its batch over devices, of which there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retrograd.nn.module import Module


class DataParallel(Module):
    """A module inside of another one, called with what this is called with: there is one device.

    It is here for programs that wrap their network; the keys of its state begin with "module.".

    Args:
        module: the network.
        device_ids, output_device, dim: accepted for PyTorch's sake.

    Source: torch.nn.DataParallel, as it is where there is no GPU.

    >>> import retrograd as rg
    >>> net = rg.nn.DataParallel(rg.nn.Linear(3, 2))
    >>> net(rg.ones(1, 3)).shape, list(net.state_dict())
    (retrograd.Size([1, 2]), ['module.weight', 'module.bias'])
    """

    module: Module

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """module(*inputs, **module_kwargs): there is one device.

    Args:
        module: what is called.
        inputs: its arguments as a tuple, or the only one.
        device_ids, output_device, dim: accepted for PyTorch's sake.
        module_kwargs: more arguments, by name.

    Source: torch.nn.parallel.data_parallel.
    """
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*arguments, **(module_kwargs or {}))
