"""Automatic differentiation, with the names of torch.autograd.

`backward` and `grad` walk the graph; `Function` defines operations with a backward pass of one's own; `functional` has
Jacobians and their products; `gradcheck` holds gradients against finite differences; `detect_anomaly` finds where a
number stopped being finite.
"""

from retrograd.autograd import anomaly_mode, function, functional, grad_mode, graph, profiler, variable
from retrograd.autograd.anomaly_mode import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from retrograd.autograd.function import Function
from retrograd.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from retrograd.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from retrograd.autograd.variable import Variable
from retrograd.tensor.autograd import backward, grad

__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "variable",
]
