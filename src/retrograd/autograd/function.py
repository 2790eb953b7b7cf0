"""Functions with a backward pass of one's own, under the name of torch.autograd.function."""

from retrograd.tensor.function import Function, FunctionCtx, once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
