"""Learning rates that change from epoch to epoch, under PyTorch's names.

A scheduler sets `lr` of the optimizer's groups: once when it is made, and at each `step()`. Those that follow a
recurrence multiply what they find there, so that several can work on one optimizer, as in PyTorch.
"""

from retrograd.optim.lr_scheduler.by_function import LambdaLR, MultiplicativeLR
from retrograd.optim.lr_scheduler.composed import ChainedScheduler, SequentialLR
from retrograd.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from retrograd.optim.lr_scheduler.cyclic import CyclicLR
from retrograd.optim.lr_scheduler.one_cycle import OneCycleLR
from retrograd.optim.lr_scheduler.plateau import ReduceLROnPlateau
from retrograd.optim.lr_scheduler.scheduler import LRScheduler
from retrograd.optim.lr_scheduler.stepwise import ExponentialLR, MultiStepLR, StepLR
from retrograd.optim.lr_scheduler.warmup import ConstantLR, LinearLR, PolynomialLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
