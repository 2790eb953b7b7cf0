"""retrograd trains neural networks by backpropagation: lazily recorded, compiled to native code.

PyTorch's names and semantics; start with `tensor`, `nn`, `optim`.
"""

from typing import TYPE_CHECKING

from retrograd import autograd, func, linalg, nn, optim, random, special, train, utils
from retrograd.core.default_dtype import get_default_dtype, set_default_dtype
from retrograd.core.device import device, get_default_device, set_default_device
from retrograd.core.dtype import (
    DType as dtype,
    bfloat16,
    bool_ as bool,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from retrograd.core.limits import finfo, iinfo
from retrograd.nn.functions.conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from retrograd.nn.functions.pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from retrograd.runtime.devices import use_backend
from retrograd.runtime.threads import get_num_threads, set_num_threads
from retrograd.tensor import functions, methods
from retrograd.tensor.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from retrograd.tensor.eager import eager
from retrograd.tensor.functions import *
from retrograd.tensor.generator import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from retrograd.tensor.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from retrograd.tensor.printing import set_printoptions
from retrograd.tensor.scan import scan
from retrograd.tensor.size import Size
from retrograd.tensor.tensor import Tensor, from_numpy, tensor
from retrograd.tensor.typed import (
    BFloat16Tensor,
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    set_default_tensor_type,
)
from retrograd.tensor.vmap import vmap
from retrograd.train.loop import compile_loop
from retrograd.version import __version__

float = float32
double = float64
half = float16
long = int64
int = int32
short = int16

__all__ = [
    # tensors
    "Size",
    "Tensor",
    "from_numpy",
    "tensor",
    # dtypes
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "bfloat16",
    "bool",
    "double",
    "dtype",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "iinfo",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "set_default_dtype",
    "set_default_tensor_type",
    "short",
    "uint8",
    # devices
    "device",
    "get_default_device",
    "set_default_device",
    # gradients
    "autograd",
    "enable_grad",
    "func",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
    "scan",
    "vmap",
    # networks
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "compile_loop",
    "linalg",
    "nn",
    "optim",
    "special",
    "pixel_shuffle",
    "pixel_unshuffle",
    "train",
    "utils",
    # random numbers
    "Generator",
    "default_generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "random",
    "seed",
    "set_rng_state",
    # how things are shown, and computed
    "eager",
    "explain",
    "get_num_threads",
    "set_num_threads",
    "set_printoptions",
    "use_backend",
    "__version__",
]
__all__ += functions.__all__


if TYPE_CHECKING:
    from retrograd.diagnostics.explain import explain
else:

    def __getattr__(name: str) -> object:
        # What explains programs stands on the compiler, which takes a moment to import.
        if name == "explain":
            from retrograd.diagnostics.explain import explain  # noqa: PLC0415

            return explain
        raise AttributeError(f"module 'retrograd' has no attribute {name!r}")
