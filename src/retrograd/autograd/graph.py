"""The backward graph: its nodes, their hooks, and what is saved, under the names of torch.autograd.graph."""

from retrograd.tensor.gradient_function import (
    AccumulateGrad,
    GradientEdge,
    GradientFunction as Node,
    get_gradient_edge,
)
from retrograd.tensor.multi_grad_hook import register_multi_grad_hook
from retrograd.tensor.saved_tensors import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)

__all__ = [
    "AccumulateGrad",
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]
