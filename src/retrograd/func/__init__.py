"""Functions of functions, with the names of torch.func: derivatives, batching, and modules as functions."""

from retrograd.func.batch_norm_replacement import replace_all_batch_norm_modules_
from retrograd.func.functional_call import functional_call
from retrograd.func.grad import grad, grad_and_value, value_and_grad
from retrograd.func.jacobian import hessian, jacfwd, jacrev
from retrograd.func.jvp import jvp, linearize
from retrograd.func.stack_module_state import stack_module_state
from retrograd.func.vjp import vjp
from retrograd.tensor.vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "value_and_grad",
    "vjp",
    "vmap",
]
