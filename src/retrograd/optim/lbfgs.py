"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from retrograd.core.errors import OptionError
from retrograd.optim.optimizer import Optimizer
from retrograd.optim.options import require_not_negative, require_positive
from retrograd.optim.wolfe import Point, Vector, WolfeSearch
from retrograd.tensor.grad_mode import enable_grad, no_grad
from retrograd.tensor.tensor import from_array

# A curvature below this would spoil the approximation.
_LEAST_CURVATURE = 1e-10


class LBFGS(Optimizer):
    """Steps along -H g, H an approximation of the inverse Hessian made from the last steps and changes of the gradient.

    `step` takes a closure that computes the loss, and calls it several times:

        def closure():
            optimizer.zero_grad(); loss = criterion(model(x), y); loss.backward(); return loss
        optimizer.step(closure)

    Args:
        params: parameters; there can be one group only.
        lr: factor of the steps, or the first step of a line search.
        max_iter: iterations in one call of `step`.
        max_eval: calls of the closure in one call of `step`; default: max_iter * 5 // 4.
        tolerance_grad: a greatest gradient below this ends a call.
        tolerance_change: so does a step, or a change of the loss, below this.
        history_size: how many steps are remembered.
        line_search_fn: "strong_wolfe", or None for steps of lr.

    The vectors of all parameters together are worked on by NumPy: what costs is the closure.

    Raises:
        OptionError: more groups than one, a number outside its range, another line search, or no closure.

    Source: torch.optim.LBFGS; Liu and Nocedal (1989).

    >>> import retrograd as rg
    >>> w = rg.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = rg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad(); loss = ((w - 1) ** 4).sum(); loss.backward(); return loss
    >>> for _ in range(3):
    ...     loss = optimizer.step(closure)
    >>> loss.item() < 1e-6
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        require_not_negative("LBFGS", lr=lr, tolerance_grad=tolerance_grad, tolerance_change=tolerance_change)
        require_positive("LBFGS", max_iter=max_iter, history_size=history_size)
        if line_search_fn not in (None, "strong_wolfe"):
            raise OptionError(f"LBFGS: line_search_fn must be 'strong_wolfe' or None, and is {line_search_fn!r}")
        options = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, options)
        if len(self.param_groups) != 1:
            raise OptionError("LBFGS: there can be one group of parameters only")
        self._params = self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate until the loss is flat, or the limits are reached; the loss of the first call of the closure."""
        if self._before_step:
            closure = self._closure_after_hooks(closure)
        if closure is None:
            raise OptionError("LBFGS: step() needs a closure that computes the loss anew and returns it")
        self.steps_called += 1
        with enable_grad():
            first = closure()
        state = self.state[self._params[0]]
        run = _Run(self, state, closure)
        with no_grad():
            run.go(float(first))
        if self._after_step:
            self._run_hooks(self._after_step, closure)
        return first

    def flat_gradient(self) -> Vector:
        """The gradients of all parameters as one vector."""
        parts = [
            np.zeros(p.numel(), p.dtype.numpy) if p.grad is None else p.grad.detach()._value().reshape(-1)
            for p in self._params
        ]
        return np.concatenate(parts)

    def move(self, start: list[Any] | None, step: float, direction: Vector) -> None:
        """Move the parameters by step * direction, from where they are, or from `start`."""
        offset = 0
        for i, p in enumerate(self._params):
            part = direction[offset : offset + p.numel()].reshape(tuple(p.shape))
            base = p._value() if start is None else start[i]
            p.copy_(from_array((base + np.asarray(step, part.dtype) * part).astype(base.dtype, copy=False)))
            offset += p.numel()

    def snapshot(self) -> list[Any]:
        """The parameters as they are."""
        return [p._value().copy() for p in self._params]


class _Run:
    """One call of `step`."""

    def __init__(self, optimizer: LBFGS, state: dict[str, Any], closure: Callable[[], Any]) -> None:
        self.optimizer, self.state, self.closure = optimizer, state, closure
        self.options = optimizer.param_groups[0]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        self.evaluations = 1
        self.direction = _array(state.get("d"))
        self.step = float(state.get("t", 0.0))
        self.weights: list[float] = list(state.get("al", []))
        self.changes = [_array(x) for x in state.get("old_dirs", [])]
        self.moves = [_array(x) for x in state.get("old_stps", [])]
        self.inverse_curvatures = list(state.get("ro", []))
        self.scale = state.get("H_diag", 1)
        self.gradient_before = _array(state.get("prev_flat_grad"))

    def go(self, loss: float) -> None:
        options, state = self.options, self.state
        state["func_evals"] += 1
        gradient = self.optimizer.flat_gradient()
        if np.abs(gradient).max() <= options["tolerance_grad"]:
            return
        loss_before = loss
        for iteration in range(1, options["max_iter"] + 1):
            state["n_iter"] += 1
            self._turn(gradient)
            self.gradient_before, loss_before = gradient.copy(), loss
            slope = float(gradient @ self.direction)
            if slope > -options["tolerance_change"]:
                break
            last = iteration == options["max_iter"]
            loss, gradient = self._move(Point(0.0, loss, gradient, slope), last)
            if last or self._finished(loss, loss_before, gradient):
                break
        self._keep(loss_before)

    def _turn(self, gradient: Vector) -> None:
        """The next direction, and the first guess of the step along it."""
        lr = float(self.options["lr"])
        if self.state["n_iter"] == 1:
            self.direction, self.scale = -gradient, 1
            self.step = min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr
            return
        self._remember(gradient - self.gradient_before, self.direction * np.asarray(self.step, gradient.dtype))
        self.direction, self.step = self._two_loops(gradient), lr

    def _remember(self, change: Vector, move: Vector) -> None:
        curvature = float(change @ move)
        if curvature <= _LEAST_CURVATURE:
            return
        if len(self.moves) == self.options["history_size"]:
            for listed in (self.changes, self.moves, self.inverse_curvatures):
                listed.pop(0)
        self.changes.append(change)
        self.moves.append(move)
        self.inverse_curvatures.append(1.0 / curvature)
        self.scale = curvature / float(change @ change)

    def _two_loops(self, gradient: Vector) -> Vector:
        """-H g from the remembered steps, without H."""
        q = -gradient
        history = list(zip(self.changes, self.moves, self.inverse_curvatures, strict=True))
        weights: list[float] = []
        for change, move, inverse in reversed(history):
            weight = float(move @ q) * inverse
            weights.append(weight)
            q = q - np.asarray(weight, q.dtype) * change
        r: Vector = q * np.asarray(self.scale, q.dtype)
        self.weights = weights[::-1]
        for (change, move, inverse), weight in zip(history, self.weights, strict=True):
            r = r + np.asarray(weight - float(change @ r) * inverse, r.dtype) * move
        return r

    def _move(self, start: Point, last: bool) -> tuple[float, Vector]:
        """Take the step; the loss and the gradient behind it."""
        optimizer = self.optimizer
        if self.options["line_search_fn"] is not None:
            origin = optimizer.snapshot()

            def evaluate(t: float) -> tuple[float, Vector]:
                optimizer.move(origin, t, self.direction)
                return self._evaluate()

            most = self.options["max_eval"] - self.evaluations
            search = WolfeSearch(evaluate, self.direction, start, self.options["tolerance_change"], most)
            found = search.run(self.step)
            self.step = found.point.t
            optimizer.move(origin, self.step, self.direction)
            self._count(found.evaluations)
            return found.point.value, found.point.gradient
        optimizer.move(None, self.step, self.direction)
        if last:
            return start.value, start.gradient
        self._count(1)
        return self._evaluate()

    def _evaluate(self) -> tuple[float, Vector]:
        with enable_grad():
            loss = float(self.closure())
        return loss, self.optimizer.flat_gradient()

    def _count(self, evaluations: int) -> None:
        self.evaluations += evaluations
        self.state["func_evals"] += evaluations

    def _finished(self, loss: float, loss_before: float, gradient: Vector) -> bool:
        options = self.options
        return bool(
            self.evaluations >= options["max_eval"]
            or np.abs(gradient).max() <= options["tolerance_grad"]
            or np.abs(self.direction * self.step).max() <= options["tolerance_change"]
            or abs(loss - loss_before) < options["tolerance_change"]
        )

    def _keep(self, loss_before: float) -> None:
        self.state.update(
            d=from_array(self.direction),
            t=self.step,
            old_dirs=[from_array(x) for x in self.changes],
            old_stps=[from_array(x) for x in self.moves],
            ro=self.inverse_curvatures,
            H_diag=self.scale,
            al=self.weights,
            prev_flat_grad=from_array(self.gradient_before),
            prev_loss=loss_before,
        )


def _array(tensor: Any) -> Any:
    return None if tensor is None else tensor._value()
