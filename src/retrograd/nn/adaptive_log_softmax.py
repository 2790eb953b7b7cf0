"""The softmax over very many classes, most of them rare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from retrograd.core.dtype import DType
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.nn.container import ModuleList, Sequential
from retrograd.nn.functions.loss import cross_entropy
from retrograd.nn.linear import Linear
from retrograd.nn.module import Module
from retrograd.tensor.joining import cat
from retrograd.tensor.softmax import log_softmax
from retrograd.tensor.tensor import from_array


class ASMoutput(NamedTuple):
    """What `AdaptiveLogSoftmaxWithLoss` returns.

    Attributes:
        output: the log-probability of each target.
        loss: the mean of their negatives.
    """

    output: Any
    loss: Any


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-softmax over many classes, in clusters: rare classes cost little, since few rows compute them.

    Classes are numbered from the most frequent to the rarest. The head gives the log-probabilities of the first
    `cutoffs[0]` classes, and of each cluster, which holds the classes from one cutoff to the next. Within cluster i,
    classes are told apart by a projection to in_features / div_value^(i + 1) features and a linear map. Only the rows
    whose target lies in a cluster compute it.

    Args:
        in_features: extent of the input's last axis.
        n_classes: how many classes there are.
        cutoffs: where clusters begin, increasing, between 1 and n_classes - 1.
        div_value: by how much the projections shrink from cluster to cluster.
        head_bias: whether the head has a bias.
        dtype: of the parameters.

    Shapes: input (rows, in_features) and target (rows,), or (in_features,) and (). The output is a pair, `output` of
    the target's shape and `loss`, a single number.

    Raises:
        OptionError: cutoffs that are empty, out of order or out of range. ShapeError: shapes that do not fit.
        IndexRangeError: a target that is no class.

    Source: torch.nn.AdaptiveLogSoftmaxWithLoss; Grave, Joulin, Cisse, Grangier and Jegou (2017).

    >>> import retrograd as rg
    >>> layer = rg.nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs=[4, 10], div_value=2.0)
    >>> layer(rg.randn(5, 8), rg.tensor([0, 3, 4, 12, 19])).output.shape
    retrograd.Size([5])
    >>> layer.log_prob(rg.randn(5, 8)).shape
    retrograd.Size([5, 20])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        bounds = [0, *cutoffs, n_classes]
        if len(bounds) == 2 or any(int(a) != a or a >= b for a, b in pairwise(bounds)):
            raise OptionError(
                f"AdaptiveLogSoftmaxWithLoss: cutoffs are {list(cutoffs)}; they must be at least one whole number, "
                f"increasing, between 1 and n_classes - 1 = {n_classes - 1}"
            )
        self.in_features, self.n_classes = in_features, n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = self.cutoffs[0], len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, dtype=dtype)
        self.tail = ModuleList()
        for i, (first, end) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, dtype=dtype),
                    Linear(hidden, end - first, bias=False, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.head.reset_parameters()
        for projection, chosen in self.tail:
            projection.reset_parameters()
            chosen.reset_parameters()

    def forward(self, input: Any, target: Any) -> ASMoutput:
        if target.ndim > 1 or input.ndim != target.ndim + 1 or tuple(input.shape[:-1]) != tuple(target.shape):
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: the input has shape {tuple(input.shape)} and the target "
                f"{tuple(target.shape)}; expected (rows, {self.in_features}) and (rows,), or one row of both"
            )
        if not target.ndim:
            output, loss = self(input.unsqueeze(0), target.unsqueeze(0))
            return ASMoutput(output.squeeze(0), loss)
        # Which rows there are in a cluster fixes shapes, so the targets are looked at.
        classes = target._value()
        self._require_known(classes)
        cluster = np.searchsorted(self.cutoffs, classes, side="right")
        in_head = np.where(cluster > 0, self.shortlist_size + cluster - 1, classes)
        output = -cross_entropy(self.head(input), from_array(in_head), reduction="none")
        for i, first in enumerate(self.cutoffs[:-1]):
            (rows,) = np.nonzero(cluster == i + 1)
            if rows.size:
                chosen = from_array(rows)
                scores = self.tail[i](input.index_select(0, chosen))
                local = cross_entropy(scores, from_array(classes[rows] - first), reduction="none")
                output = output.index_add(0, chosen, -local)
        return ASMoutput(output, -output.mean())

    def _require_known(self, classes: np.ndarray[Any, Any]) -> None:
        if classes.size and not 0 <= classes.min() <= classes.max() < self.n_classes:
            raise IndexRangeError(
                f"AdaptiveLogSoftmaxWithLoss: targets go from {classes.min()} to {classes.max()}; they must be classes "
                f"from 0 to {self.n_classes - 1}"
            )

    def log_prob(self, input: Any) -> Any:
        """The log-probabilities of all classes: (rows, in_features) to (rows, n_classes)."""
        head = log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            parts.append(log_softmax(cluster(input), 1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return cat(parts, 1)

    def predict(self, input: Any) -> Any:
        """The most probable class of each row: (rows, in_features) to (rows,)."""
        return self.log_prob(input).argmax(1)
