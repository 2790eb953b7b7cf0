"""retrograd trains neural networks by backpropagation: lazily recorded, compiled to native code.

PyTorch's names and semantics; start with `tensor`, `nn`, `optim`.
"""

from importlib import import_module
from math import e, inf, nan, pi
from typing import TYPE_CHECKING

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
from retrograd.core.memory_format import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from retrograd.runtime.determinism import (
    are_deterministic_algorithms_enabled,
    get_float32_matmul_precision,
    is_deterministic_algorithms_warn_only_enabled,
    set_float32_matmul_precision,
    set_flush_denormal,
    use_deterministic_algorithms,
)
from retrograd.runtime.devices import use_backend
from retrograd.runtime.threads import (
    get_num_interop_threads,
    get_num_threads,
    set_num_interop_threads,
    set_num_threads,
)
from retrograd.tensor import functions, methods  # noqa: F401 -- it gives the Tensor its methods
from retrograd.tensor.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled
from retrograd.tensor.autocast import autocast, get_autocast_dtype, is_autocast_enabled
from retrograd.tensor.branch import cond, while_loop
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
from retrograd.version import __version__

float = float32
double = float64
half = float16
newaxis = None
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
    # numbers
    "e",
    "inf",
    "nan",
    "newaxis",
    "pi",
    # devices, and how values lie in memory
    "accelerator",
    "backends",
    "channels_last",
    "channels_last_3d",
    "contiguous_format",
    "cuda",
    "device",
    "get_default_device",
    "layout",
    "memory_format",
    "preserve_format",
    "set_default_device",
    "strided",
    # files
    "load",
    "save",
    # mixed precision
    "GradScaler",
    "amp",
    "autocast",
    "get_autocast_dtype",
    "is_autocast_enabled",
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
    "cond",
    "scan",
    "vmap",
    "while_loop",
    # networks
    "adaptive_avg_pool1d",
    "alpha_dropout",
    "avg_pool1d",
    "bilinear",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "compile",
    "compile_loop",
    "cosine_similarity",
    "distributions",
    "dropout",
    "feature_alpha_dropout",
    "group_norm",
    "hardshrink",
    "jit",
    "layer_norm",
    "linalg",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "nn",
    "optim",
    "pairwise_distance",
    "pdist",
    "special",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "threshold",
    "threshold_",
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
    "are_deterministic_algorithms_enabled",
    "diagnostics",
    "eager",
    "explain",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_num_threads",
    "set_printoptions",
    "use_deterministic_algorithms",
    "use_backend",
    "__version__",
]

if TYPE_CHECKING:
    from retrograd import (
        accelerator,
        amp,
        autograd,
        backends,
        cuda,
        diagnostics,
        distributions,
        func,
        jit,
        linalg,
        nn,
        optim,
        random,
        special,
        train,
        utils,
    )
    from retrograd.amp.grad_scaler import GradScaler
    from retrograd.diagnostics.explain import explain
    from retrograd.io.checkpoint import load, save
    from retrograd.nn.functions.activation import (
        celu,
        celu_,
        hardshrink,
        prelu,
        relu_,
        rrelu,
        rrelu_,
        selu,
        selu_,
        threshold,
        threshold_,
    )
    from retrograd.nn.functions.adaptive_pool import adaptive_avg_pool1d
    from retrograd.nn.functions.conv import (
        conv1d,
        conv2d,
        conv3d,
        conv_transpose1d,
        conv_transpose2d,
        conv_transpose3d,
    )
    from retrograd.nn.functions.distance import cosine_similarity, pairwise_distance, pdist
    from retrograd.nn.functions.dropout import alpha_dropout, dropout, feature_alpha_dropout
    from retrograd.nn.functions.linear import bilinear
    from retrograd.nn.functions.norm import group_norm, layer_norm, rms_norm
    from retrograd.nn.functions.pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
    from retrograd.nn.functions.pool import avg_pool1d, max_pool1d, max_pool2d, max_pool3d
    from retrograd.train.compilation import compile
    from retrograd.train.loop import compile_loop
else:
    __all__ += functions.__all__

    # A quick start: what not every program needs is imported when somebody asks for it.
    _PARTS = frozenset(
        {
            "accelerator",
            "amp",
            "autograd",
            "backends",
            "cuda",
            "diagnostics",
            "distributions",
            "func",
            "jit",
            "linalg",
            "nn",
            "optim",
            "random",
            "special",
            "train",
            "utils",
        }
    )
    _LATER = {
        "GradScaler": "retrograd.amp.grad_scaler",
        "adaptive_avg_pool1d": "retrograd.nn.functions.adaptive_pool",
        "bilinear": "retrograd.nn.functions.linear",
        "compile": "retrograd.train.compilation",
        "compile_loop": "retrograd.train.loop",
        "explain": "retrograd.diagnostics.explain",
        "load": "retrograd.io.checkpoint",
        "save": "retrograd.io.checkpoint",
        **dict.fromkeys(
            ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
            "retrograd.nn.functions.conv",
        ),
        **dict.fromkeys(
            ("channel_shuffle", "pixel_shuffle", "pixel_unshuffle"), "retrograd.nn.functions.pixel_shuffle"
        ),
        **dict.fromkeys(
            "celu celu_ hardshrink prelu relu_ rrelu rrelu_ selu selu_ threshold threshold_".split(),
            "retrograd.nn.functions.activation",
        ),
        **dict.fromkeys(("cosine_similarity", "pairwise_distance", "pdist"), "retrograd.nn.functions.distance"),
        **dict.fromkeys(("alpha_dropout", "dropout", "feature_alpha_dropout"), "retrograd.nn.functions.dropout"),
        **dict.fromkeys(("group_norm", "layer_norm", "rms_norm"), "retrograd.nn.functions.norm"),
        **dict.fromkeys(("avg_pool1d", "max_pool1d", "max_pool2d", "max_pool3d"), "retrograd.nn.functions.pool"),
    }

    def __getattr__(name: str) -> object:
        if name in _PARTS:
            return import_module(f"retrograd.{name}")
        if name not in _LATER:
            raise AttributeError(f"module 'retrograd' has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_LATER[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
