"""Layers and losses under PyTorch's names."""

from retrograd.nn import functional, init, utils
from retrograd.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from retrograd.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from retrograd.nn.bilinear import Bilinear
from retrograd.nn.container import ModuleList, Sequential
from retrograd.nn.embedding import Embedding
from retrograd.nn.layer_norm import GroupNorm, LayerNorm
from retrograd.nn.linear import Flatten, Identity, Linear
from retrograd.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from retrograd.nn.module import Module
from retrograd.nn.module_dict import ModuleDict
from retrograd.nn.parameter import Parameter
from retrograd.nn.parameter_list import ParameterList
from retrograd.nn.rectifier import (
    CELU,
    ELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    PReLU,
    ReLU6,
    Threshold,
)
from retrograd.nn.smooth import (
    GELU,
    GLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    SiLU,
    Softmin,
    Softplus,
    Softsign,
    Tanhshrink,
)

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Bilinear",
    "CELU",
    "CrossEntropyLoss",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GLU",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "ParameterList",
    "ReLU",
    "ReLU6",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "functional",
    "init",
    "utils",
]
