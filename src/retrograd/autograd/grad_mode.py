"""The gradient modes, under the name of torch.autograd.grad_mode."""

from retrograd.tensor.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
