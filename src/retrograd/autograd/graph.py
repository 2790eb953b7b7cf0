"""The nodes of the backward graph, under the name of torch.autograd.graph."""

from retrograd.tensor.gradient_function import AccumulateGrad, GradientFunction as Node

__all__ = ["AccumulateGrad", "Node"]
