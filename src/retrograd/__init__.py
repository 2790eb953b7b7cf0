"""retrograd trains neural networks by backpropagation: lazily recorded, compiled to native code.

PyTorch's names and semantics; start with `tensor`, `nn`, `optim`.
"""

from retrograd import nn, optim, train, utils
from retrograd.core.dtype import bool_ as bool, float32, float64, int8, int16, int32, int64, uint8
from retrograd.core.generator import Generator, get_rng_state, initial_seed, manual_seed, set_rng_state
from retrograd.runtime.devices import use_backend
from retrograd.runtime.threads import get_num_threads, set_num_threads
from retrograd.tensor import autograd
from retrograd.tensor.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from retrograd.tensor.creation import (
    arange,
    cat,
    empty,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    stack,
    where,
    zeros,
    zeros_like,
)
from retrograd.tensor.eager import eager
from retrograd.tensor.size import Size
from retrograd.tensor.tensor import Tensor, from_numpy, tensor
from retrograd.train.loop import compile_loop
from retrograd.version import __version__

float = float32
double = float64
long = int64
int = int32

__all__ = [
    # tensors
    "Size",
    "Tensor",
    "arange",
    "cat",
    "empty",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "stack",
    "tensor",
    "where",
    "zeros",
    "zeros_like",
    # dtypes
    "bool",
    "double",
    "float",
    "float32",
    "float64",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "uint8",
    # gradients
    "autograd",
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
    # networks
    "compile_loop",
    "nn",
    "optim",
    "train",
    "utils",
    # random numbers
    "Generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "set_rng_state",
    # how things are computed
    "eager",
    "get_num_threads",
    "set_num_threads",
    "use_backend",
    "__version__",
]
