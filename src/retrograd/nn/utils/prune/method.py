"""Pruning methods: hooks that multiply a parameter by a mask before each forward."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.module import Module
from retrograd.nn.utils.weight_hook import hook_number, remove_hook
from retrograd.tensor.creation import ones_like
from retrograd.tensor.grad_mode import no_grad


class BasePruningMethod(ABC):
    """Base of the ways to choose which elements of a parameter are set to 0.

    Subclasses define `compute_mask` and say in `PRUNING_TYPE` which elements it is to see when a parameter is pruned
    again: "unstructured", those that are left; "structured", the slices along `self.dim` of which something is left;
    "global", all.

    Source: torch.nn.utils.prune.BasePruningMethod.

    >>> import retrograd as rg
    >>> class EveryOther(rg.nn.utils.prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[::2] = 0
    ...         return mask
    >>> layer = rg.nn.Linear(4, 1)
    >>> _ = EveryOther.apply(layer, "weight")
    >>> layer.weight_mask
    tensor([[0., 1., 0., 1.]])
    """

    PRUNING_TYPE: ClassVar[str]
    _tensor_name: str

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask for t: 0 where an element goes, and where it is 0 in `default_mask`."""

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Any:
        """The parameter times its mask."""
        mask, original = (getattr(module, self._tensor_name + part) for part in ("_mask", "_orig"))
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a parameter, and once more before each forward.

        The parameter becomes `<name>_orig`, and `<name>` what the mask in the buffer `<name>_mask` leaves of it. One
        that is pruned already is pruned further.

        Args:
            module: whose parameter it is.
            name: of the parameter.
            args, kwargs: of the method.
            importance_scores: what the method looks at, in the place of the parameter; of its shape.

        Raises:
            ShapeError: the scores have another shape.
        """
        value = getattr(module, name)
        scores = _scores("apply", value, importance_scores)
        method = cls(*args, **kwargs)
        method._tensor_name = name
        number = hook_number(module, BasePruningMethod, name, "_tensor_name")
        if number is None:
            chosen: BasePruningMethod = method
            before = ones_like(value)
        else:
            chosen = _container(module._forward_pre_hooks[number])
            chosen.add_pruning_method(method)
            before = getattr(module, name + "_mask").detach().clone()
        with no_grad():
            mask = chosen.compute_mask(scores, default_mask=before)
        if number is None:
            delattr(module, name)
            module.register_parameter(name + "_orig", value)
        else:
            del module._forward_pre_hooks[number]
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, chosen.apply_mask(module))
        module.register_forward_pre_hook(chosen)
        return chosen

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """A tensor times the mask for it; nothing is registered."""
        scores = _scores("prune", t, importance_scores)
        return t * self.compute_mask(scores, default_mask=ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the parameter what the mask leaves of it, for good."""
        name = self._tensor_name
        with no_grad():
            value = self.apply_mask(module)
        original = module._parameters[name + "_orig"]
        original.data = value
        for part in ("", "_orig", "_mask"):
            delattr(module, name + part)
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Several methods that prune the same parameter one after the other.

    Source: torch.nn.utils.prune.PruningContainer.
    """

    PRUNING_TYPE = "global"

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Enter a method at the end.

        Raises:
            TypeError: it is none. OptionError: it prunes another parameter.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"add_pruning_method: a {type(method).__name__} is not a BasePruningMethod")
        if method._tensor_name != self._tensor_name:
            raise OptionError(
                f"add_pruning_method: the methods prune {self._tensor_name!r}, and this one {method._tensor_name!r}"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask after the last method, which sees what the others have left."""
        method = self._pruning_methods[-1]
        seen = _seen(method, t, default_mask)
        mask = default_mask.to(t.dtype).clone()
        mask[seen] = method.compute_mask(t[seen], default_mask=default_mask[seen]).to(t.dtype)
        return mask


def _seen(method: BasePruningMethod, t: Any, mask: Any) -> Any:
    """The index of what a method is to see of a tensor that is pruned already."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    everything = [slice(None)] * t.ndim
    if method.PRUNING_TYPE == "structured":
        dim = getattr(method, "dim", None)
        if dim is None:
            raise AttributeError(f"{type(method).__name__} is structured, and must have an attribute `dim`")
        axis = t._axis(dim)
        rest = [i for i in range(t.ndim) if i != axis]
        everything[axis] = mask.sum(dim=rest) != 0
    elif method.PRUNING_TYPE != "global":
        raise OptionError(
            f"{type(method).__name__}.PRUNING_TYPE is {method.PRUNING_TYPE!r}; it must be 'unstructured', 'structured' "
            "or 'global'"
        )
    return tuple(everything)


def _scores(operation: str, value: Any, scores: Any) -> Any:
    if scores is not None and scores.shape != value.shape:
        raise ShapeError(
            f"{operation}: importance_scores has shape {tuple(scores.shape)}; it must have that of the parameter, "
            f"{tuple(value.shape)}"
        )
    return value if scores is None else scores


def _container(method: Any) -> PruningContainer:
    return method if isinstance(method, PruningContainer) else PruningContainer(method)


def require_amount(amount: Any) -> None:
    """Refuse what is neither a share nor a count.

    Raises:
        TypeError: no number. OptionError: out of range.
    """
    if not isinstance(amount, Real):
        raise TypeError(f"prune: amount must be a number, not a {type(amount).__name__}")
    if float(amount) < 0 or (not isinstance(amount, Integral) and float(amount) > 1):
        raise OptionError(f"prune: amount is {amount}; it must be a share between 0.0 and 1.0, or a count of 0 or more")


def pruned_count(amount: Any, count: int) -> int:
    """How many of so many an amount is.

    Raises:
        OptionError: more than there are.
    """
    pruned = int(amount) if isinstance(amount, Integral) else round(float(amount) * count)
    if pruned > count:
        raise OptionError(f"prune: amount is {amount}, and there are only {count} to prune")
    return pruned


def remove(module: Module, name: str) -> Any:
    """Leave a pruned parameter as it is, for good: without mask, original and hook.

    Raises:
        OptionError: it is not pruned.

    Source: torch.nn.utils.prune.remove.

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.prune.l1_unstructured(rg.nn.Linear(4, 1), "weight", amount=0.5)
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_mask']
    >>> list(rg.nn.utils.prune.remove(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    return remove_hook("prune.remove", "is not pruned", module, BasePruningMethod, name, "_tensor_name")


def is_pruned(module: Module) -> bool:
    """Whether any parameter of a module, or of a module inside of it, is pruned.

    Args:
        module: any module.

    Source: torch.nn.utils.prune.is_pruned.

    >>> import retrograd as rg
    >>> net = rg.nn.Sequential(rg.nn.Linear(4, 1))
    >>> rg.nn.utils.prune.is_pruned(net)
    False
    >>> _ = rg.nn.utils.prune.l1_unstructured(net[0], "weight", amount=2)
    >>> rg.nn.utils.prune.is_pruned(net)
    True
    """
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
