"""Optimizers under PyTorch's names; each file holds one, with its update as a composite."""

from retrograd.optim.adam import Adam
from retrograd.optim.optimizer import Optimizer
from retrograd.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
