"""Modules in another dtype: parameters and buffers changed one by one, in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self

from retrograd.core.dtype import DType, bfloat16, float16, float32, float64
from retrograd.core.errors import OptionError
from retrograd.nn.uninitialized import is_lazy
from retrograd.tensor.base import wrap
from retrograd.tensor.conversion import conversion_target
from retrograd.tensor.creation import empty_like


class ModuleConversion:
    """The part of Module that changes the tensors it holds."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _non_persistent: set[str]
    children: Callable[[], Iterator[Any]]
    register_buffer: Callable[..., None]

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Put fn(x) in the place of every parameter's elements, its gradient's, and every buffer."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for parameter in self._parameters.values():
            if parameter is None:
                continue
            if is_lazy(parameter):
                fn(parameter)
                continue
            parameter.data = fn(parameter.detach())
            if parameter.grad is not None:
                parameter.grad = fn(parameter.grad)
        for name, buffer in list(self._buffers.items()):
            if buffer is not None:
                changed = fn(buffer)
                if changed is not buffer:
                    self.register_buffer(name, wrap(changed._read()), name not in self._non_persistent)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Cast floating-point parameters and buffers.

        Args:
            args, kwargs: as in `Tensor.to`: a dtype, a device ("cpu"), or a tensor that has both.

        Raises:
            OptionError: a device that is not there, or a dtype that is not floating-point.

        Source: torch.nn.Module.to.
        """
        dtype = conversion_target(args, **kwargs).dtype
        if dtype is not None:
            if not dtype.is_floating_point:
                raise OptionError(f"Module.to: parameters are floating-point, and cannot become {dtype.name}")
            self._apply(_cast_floats(dtype))
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Parameters and buffers anew, without their elements. Source: torch.nn.Module.to_empty."""
        conversion_target((), device=device)
        return self._apply(empty_like, recurse)

    def double(self) -> Self:
        return self.to(float64)

    def float(self) -> Self:
        return self.to(float32)

    def half(self) -> Self:
        return self.to(float16)

    def bfloat16(self) -> Self:
        return self.to(bfloat16)

    def type(self, dst_type: DType) -> Self:
        """Cast all parameters and buffers. Source: torch.nn.Module.type."""
        return self._apply(lambda x: x.to(dst_type))

    def cpu(self) -> Self:
        return self

    def share_memory(self) -> Self:
        """Itself: threads share memory as it is, and processes do not. Source: torch.nn.Module.share_memory."""
        return self

    def cuda(self, device: Any = None) -> NoReturn:
        """Refused: there is no such device. Source: torch.nn.Module.cuda."""
        raise OptionError(
            "cuda(): this build computes on 'cpu'; ask `retrograd.cuda.is_available()` first, or write .to(device)"
        )


def _cast_floats(dtype: DType) -> Callable[[Any], Any]:
    def cast(x: Any) -> Any:
        return x.to(dtype) if x.dtype.is_floating_point else x

    return cast
