"""Hooks of modules: code that is called around `forward`, and when gradients pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.errors import GraphError
from retrograd.nn.backward_hooks import BackwardBoundary
from retrograd.tensor.hooks import RemovableHandle, add_hook

Hooks = dict[int, Callable[..., Any]]


def registered(hooks: Hooks, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Enter a hook, after those that are there or before them."""
    handle = add_hook(hooks, hook)
    if prepend:
        rest = [number for number in hooks if number != handle.id]
        for number in rest:
            hooks[number] = hooks.pop(number)
    return handle


class ModuleHooks:
    """The part of Module that calls hooks.

    `_with_kwargs` has the numbers of the hooks that get keyword arguments too, `_always` those of the hooks that are
    called after an error as well. `_hooked` says whether there was ever a hook: without one, a call costs least.
    """

    _forward_hooks: Hooks
    _forward_pre_hooks: Hooks
    _backward_hooks: Hooks
    _backward_pre_hooks: Hooks
    _with_kwargs: set[int]
    _always: set[int]
    _hooked: bool
    forward: Callable[..., Any]

    def _set_up_hooks(self) -> None:
        fields = self.__dict__
        for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            fields[name] = {}
        fields["_with_kwargs"] = set()
        fields["_always"] = set()
        fields["_hooked"] = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooked:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs) if kwargs else self.forward(*args)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        try:
            args, kwargs = self._before(args, kwargs)
            boundary = None
            if self._backward_hooks or self._backward_pre_hooks:
                boundary = BackwardBoundary(self, self._backward_pre_hooks, self._backward_hooks)
                args = boundary.enter(args)
            result = self.forward(*args, **kwargs)
            for number, hook in list(self._forward_hooks.items()):
                called.add(number)
                replaced = self._after(number, hook, args, kwargs, result)
                result = result if replaced is None else replaced
            return result if boundary is None else boundary.leave(result)
        except Exception:
            for number, hook in list(self._forward_hooks.items()):
                if number in self._always and number not in called:
                    self._after(number, hook, args, kwargs, None)
            raise

    def _before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments after the hooks that come first."""
        for number, hook in list(self._forward_pre_hooks.items()):
            if number not in self._with_kwargs:
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)
                continue
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise GraphError(
                        f"a forward pre-hook of {type(self).__name__} returned {replaced!r}; with with_kwargs=True it "
                        "must return None or a tuple (args, kwargs)"
                    )
                args, kwargs = replaced
        return args, kwargs

    def _after(
        self, number: int, hook: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> Any:
        return hook(self, args, kwargs, result) if number in self._with_kwargs else hook(self, args, result)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args, output) after each forward; what it returns, if anything, is the output.

        Args:
            hook: the function.
            prepend: call it before the hooks that are there.
            with_kwargs: call it as hook(module, args, kwargs, output).
            always_call: call it after an error too, with None for the output.

        Source: torch.nn.Module.register_forward_hook.

        >>> import retrograd as rg
        >>> layer = rg.nn.Identity()
        >>> handle = layer.register_forward_hook(lambda module, args, output: output * 2)
        >>> layer(rg.ones(1)), handle.remove(), layer(rg.ones(1))
        (tensor([2.]), None, tensor([1.]))
        """
        handle = self._hook(self._forward_hooks, hook, prepend)
        self._note(handle, with_kwargs, always_call)
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before each forward; what it returns, if anything, are the arguments.

        Args:
            hook: the function.
            prepend: call it before the hooks that are there.
            with_kwargs: call it as hook(module, args, kwargs); it returns None or (args, kwargs).

        Source: torch.nn.Module.register_forward_pre_hook.
        """
        handle = self._hook(self._forward_pre_hooks, hook, prepend)
        self._note(handle, with_kwargs, False)
        return handle

    def _hook(self, hooks: Hooks, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        self._hooked = True
        return registered(hooks, hook, prepend)

    def _note(self, handle: RemovableHandle, with_kwargs: bool, always: bool) -> None:
        if with_kwargs:
            self._with_kwargs.add(handle.id)
        if always:
            self._always.add(handle.id)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when a backward pass knows the gradients of the module's inputs.

        Args:
            hook: gets tuples with None where there is no tensor or no gradient; what it returns, if anything, is
                grad_input from then on.
            prepend: call it before the hooks that are there.

        Source: torch.nn.Module.register_full_backward_hook.

        >>> import retrograd as rg
        >>> layer = rg.nn.Linear(2, 1)
        >>> handle = layer.register_full_backward_hook(lambda module, into, out: print(into[0].shape, out[0].shape))
        >>> layer(rg.ones(3, 2, requires_grad=True)).sum().backward()
        retrograd.Size([3, 2]) retrograd.Size([3, 1])
        """
        return self._hook(self._backward_hooks, hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_output) when the gradients of the module's outputs arrive.

        Args:
            hook: what it returns, if anything, is grad_output from then on.
            prepend: call it before the hooks that are there.

        Source: torch.nn.Module.register_full_backward_pre_hook.
        """
        return self._hook(self._backward_pre_hooks, hook, prepend)
