"""The base of probability distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.core.errors import OptionError, ShapeError
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.parameters import derived
from retrograd.tensor.base import TensorBase
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.size import Size


class Distribution:
    """A distribution of random numbers, vectors or matrices; or many of them at once, a batch.

    Attributes:
        arg_constraints: what each parameter must satisfy.
        support: what its values satisfy.
        has_rsample: whether gradients flow from samples to parameters.
        has_enumerate_support: whether all values can be listed.
        batch_shape: how many distributions there are; parameters broadcast.
        event_shape: the shape of one value.

    Args:
        batch_shape, event_shape: of the distribution.
        validate_args: whether parameters, and the values that functions are asked for, are looked at. None: as far as
            they are in memory, so that nothing is computed for it; True: all.

    Source: torch.distributions.Distribution.
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {}
    has_rsample: ClassVar[bool] = False
    has_enumerate_support: ClassVar[bool] = False
    _default_validate_args: ClassVar[bool] = __debug__

    def __init__(
        self, batch_shape: tuple[int, ...] = (), event_shape: tuple[int, ...] = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        self._validate_args = validate_args
        # The parameters that the user gave: others are derived from them.
        self._given = [name for name in self.arg_constraints if name in self.__dict__]
        for name in self._given:
            self._require(self.arg_constraints[name], self.__dict__[name], f"the parameter {name}")

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions look at what they are given where nothing else is said."""
        Distribution._default_validate_args = bool(value)

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    # -- what subclasses define ---------------------------------------------------------------------------------------

    @property
    def support(self) -> Constraint:
        raise self._missing("support")

    @property
    def mean(self) -> Any:
        raise self._missing("mean")

    @property
    def mode(self) -> Any:
        """The most probable value."""
        raise self._missing("mode")

    @property
    def variance(self) -> Any:
        raise self._missing("variance")

    def rsample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Values from which gradients flow to the parameters; `sample_shape` stands before the batch's."""
        raise self._missing("rsample")

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density, or of the probability, of values."""
        raise self._missing("log_prob")

    def cdf(self, value: Any) -> Any:
        """The probability of what is not above values."""
        raise self._missing("cdf")

    def icdf(self, value: Any) -> Any:
        """The values that the distribution is not above with given probabilities."""
        raise self._missing("icdf")

    def entropy(self) -> Any:
        """The mean of -log_prob."""
        raise self._missing("entropy")

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values along a new first axis, for each distribution of the batch; or, not expanded, once."""
        raise self._missing("enumerate_support")

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        """The same distribution for a larger batch."""
        shape = Size(batch_shape)
        return self._copied({name: self._grown(self.__dict__[name], shape) for name in self._given}, shape)

    # -- what follows -------------------------------------------------------------------------------------------------

    @property
    def stddev(self) -> Any:
        return self.variance.sqrt()

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        """Values; `sample_shape` stands before the batch's."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Any:
        """sample((n,))."""
        return self.sample((n,))

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return self.entropy().exp()

    def __repr__(self) -> str:
        values = [(name, self.__dict__[name]) for name in self._given]
        shown = (f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in values)
        return f"{type(self).__name__}({', '.join(shown)})"

    # -- for subclasses -----------------------------------------------------------------------------------------------

    def _grown(self, x: Any, batch_shape: Size) -> Any:
        """A parameter for a larger batch."""
        return x.expand(*batch_shape, *x.shape[len(self._batch_shape) :])

    def _copied(self, changed: Mapping[str, Any], batch_shape: Size) -> Self:
        """A distribution of this kind with other parameters, which are not looked at again."""
        made = type(self).__new__(type(self))
        made.__dict__.update({**self.__dict__, **changed})
        for name in list(made.__dict__):
            if name not in changed and isinstance(getattr(type(self), name, None), derived):
                del made.__dict__[name]
        made._batch_shape = batch_shape
        return made

    def _extended_shape(self, sample_shape: tuple[int, ...] = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _check_value(self, value: Any) -> None:
        """Refuse what is no value of the distribution.

        Raises:
            TypeError: no tensor. ShapeError: it does not broadcast with the batch. OptionError: it is outside of the
                support.
        """
        if not (self._default_validate_args if self._validate_args is None else self._validate_args):
            return
        name = type(self).__name__
        if not isinstance(value, TensorBase):
            raise TypeError(f"{name}: expected a tensor of values, received {type(value).__name__}")
        shape, wanted = tuple(value.shape), (*self._batch_shape, *self._event_shape)
        pairs = zip(reversed(shape), reversed(wanted), strict=False)
        end = shape[len(shape) - len(self._event_shape) :]
        if end != self._event_shape or any(i != j and 1 not in (i, j) for i, j in pairs):
            raise ShapeError(f"{name}: values of shape {shape} do not broadcast with {wanted}, the shape of a sample")
        if self._looks_at(value) and self._knows_support():
            self._require(self.support, value, "the value")

    def _knows_support(self) -> bool:
        """Whether the support can be told without computing anything."""
        return True

    def _require(self, constraint: Constraint, value: Any, what: str) -> None:
        """Look at elements: all if that is asked for, else those that are in memory.

        Raises:
            OptionError: one breaks the constraint.
        """
        if self._looks_at(value):
            holds = constraint.holds(value._value())
            if not holds.all():
                raise OptionError(f"{type(self).__name__}: {what} must satisfy {constraint}, and is {value}")

    def _looks_at(self, value: Any) -> bool:
        """Whether the elements of a parameter or value are to be looked at."""
        wanted = self._default_validate_args if self._validate_args is None else self._validate_args
        if not wanted or not isinstance(value, TensorBase):
            return False
        return self._validate_args is True or value._storage.node.buffer is not None

    def _missing(self, name: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {name}")
