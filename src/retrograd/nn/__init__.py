"""Layers and losses under PyTorch's names."""

from retrograd.nn import functional, init
from retrograd.nn.activation import ReLU, Sigmoid, Softmax, Tanh
from retrograd.nn.container import ModuleList, Sequential
from retrograd.nn.linear import Flatten, Identity, Linear
from retrograd.nn.loss import CrossEntropyLoss, MSELoss
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter

__all__ = [
    "CrossEntropyLoss",
    "Flatten",
    "Identity",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
