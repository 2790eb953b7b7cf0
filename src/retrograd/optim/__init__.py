"""Optimizers under PyTorch's names; each file holds one, with its update as a composite."""

from retrograd.optim import lr_scheduler
from retrograd.optim.adadelta import Adadelta
from retrograd.optim.adagrad import Adagrad
from retrograd.optim.adam import Adam
from retrograd.optim.adamw import AdamW
from retrograd.optim.optimizer import Optimizer
from retrograd.optim.rmsprop import RMSprop
from retrograd.optim.sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
