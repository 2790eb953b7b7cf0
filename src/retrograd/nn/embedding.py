"""A table of vectors, read by number."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn import init
from retrograd.nn.functions.sparse import embedding, row_number
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.autograd import no_grad
from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import empty


class Embedding(Module):
    """weight[i]: a vector for each number.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: features of a row.
        padding_idx: a row that starts as zeros and gets no gradient.
        dtype: of the table.

    Shapes: the input any shape of int64 or int32, weight (num_embeddings, embedding_dim), the result
    (*input, embedding_dim). The weight starts standard normal, as PyTorch's does for the same seed.

    Raises:
        IndexRangeError: a number, known already, that is no row.
        OptionError: max_norm, scale_grad_by_freq or sparse, which are not there.

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
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise OptionError("Embedding: max_norm, scale_grad_by_freq and sparse are not there; leave them out")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else row_number(padding_idx, num_embeddings)
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
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
