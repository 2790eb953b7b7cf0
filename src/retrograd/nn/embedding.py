"""Tables of vectors, read by number."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import ShapeError
from retrograd.nn import init
from retrograd.nn.functions.embedding_bag import embedding_bag
from retrograd.nn.functions.sparse import embedding, row_number
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import empty
from retrograd.tensor.grad_mode import no_grad


class Embedding(Module):
    """weight[i]: a vector for each number.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: features of a row.
        padding_idx: a row that starts as zeros and gets no gradient.
        max_norm: the rows that are read are first scaled down, in place, to at most this norm.
        norm_type: p of that norm.
        scale_grad_by_freq: whether the gradient of a row is divided by how often the row is read.
        sparse: taken, and without effect: gradients are dense.
        dtype: of the table.

    Shapes: the input any shape of int64 or int32, weight (num_embeddings, embedding_dim), the result
    (*input, embedding_dim). The weight starts standard normal, as PyTorch's does for the same seed.

    Raises:
        IndexRangeError: a number, known already, that is no row.

    Source: torch.nn.Embedding.

    >>> import retrograd as rg
    >>> rg.nn.Embedding(10, 3)(rg.tensor([[1, 2], [4, 5]])).shape
    retrograd.Size([2, 2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: TensorBase | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else row_number(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            table = empty(num_embeddings, embedding_dim, dtype=dtype)
            self.weight = Parameter(table, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ShapeError(
                    f"Embedding: the weight has shape {tuple(_weight.shape)}; it must be "
                    f"{(num_embeddings, embedding_dim)}"
                )
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, **options: Any
    ) -> Embedding:
        """A layer over a table that is there already, (rows, features).

        Raises:
            ShapeError: the table does not have two axes.
        """
        if embeddings.ndim != 2:
            raise ShapeError(f"Embedding: a table has two axes, (rows, features), and not shape {embeddings.shape}")
        rows, features = embeddings.shape
        return cls(rows, features, padding_idx, **options, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew; the padding is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Any) -> Any:
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}" + _options(self)


def _options(layer: Any) -> str:
    """What differs from the defaults, as PyTorch writes it."""
    defaults = {"padding_idx": None, "max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
    given = {name: getattr(layer, name) for name in defaults}
    shown = [f", {name}={given[name]}" for name, default in defaults.items() if given[name] != default]
    return "".join(shown) + (", sparse=True" if layer.sparse else "")


class EmbeddingBag(Module):
    """Sums, means or maxima of vectors of a table, bag by bag.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: features of a row.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `Embedding`.
        mode: "sum", "mean" or "max".
        include_last_offset: whether offsets end with one for the end of the last bag.
        padding_idx: a row that starts as zeros and counts for nothing.
        dtype: of the table.

    Call it with numbers (bags, numbers of a bag), or with numbers (count,) and the offsets where bags begin; for sums
    also with per_sample_weights, a factor for each number.

    Source: torch.nn.EmbeddingBag.

    >>> import retrograd as rg
    >>> rg.nn.EmbeddingBag(10, 3)(rg.tensor([1, 2, 4, 5]), rg.tensor([0, 3])).shape
    retrograd.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: TensorBase | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = None if padding_idx is None else row_number(padding_idx, num_embeddings)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self.weight = Parameter(empty(num_embeddings, embedding_dim, dtype=dtype) if _weight is None else _weight)
        if _weight is None:
            self.reset_parameters()
        elif tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise ShapeError(
                f"EmbeddingBag: the weight has shape {tuple(_weight.shape)}; it must be "
                f"{(num_embeddings, embedding_dim)}"
            )

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, **options: Any) -> EmbeddingBag:
        """A layer over a table that is there already, (rows, features).

        Raises:
            ShapeError: the table does not have two axes.
        """
        if embeddings.ndim != 2:
            raise ShapeError(f"EmbeddingBag: a table has two axes, (rows, features), and not shape {embeddings.shape}")
        rows, features = embeddings.shape
        layer = cls(rows, features, **options, _weight=embeddings)
        layer.weight.requires_grad_(not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew; the padding is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        own = {"max_norm": None, "norm_type": 2.0, "scale_grad_by_freq": False}
        shown = [f", {name}={getattr(self, name)}" for name, default in own.items() if getattr(self, name) != default]
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{''.join(shown)}, mode={self.mode!r}{padding}"
