"""Random networks that train: programs as data, which hypothesis makes and shrinks, and what running one gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

import retrograd as rg
from tests.support.random_layers import KINKED, LAYERS, SMOOTH, Value

F = rg.nn.functional
T = TypeVar("T")
Array = np.ndarray[Any, Any]
# What follows the batch in the shape of an input.
SHAPES = ((6,), (17,), (5, 4), (3, 8), (3, 7, 6), (17, 8, 8))
# The most numbers of an example.
LARGEST = 1_500
OPTIMIZERS: dict[str, Callable[[Sequence[Value]], Any]] = {
    "sgd": lambda p: rg.optim.SGD(p, lr=0.05),
    "momentum": lambda p: rg.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    # Their updates are g / |g| where gradients are small, so a large eps keeps rounding errors small.
    "adam": lambda p: rg.optim.Adam(p, lr=0.02, eps=0.1),
    "adamw": lambda p: rg.optim.AdamW(p, lr=0.02, eps=0.1, weight_decay=0.1),
    "rmsprop": lambda p: rg.optim.RMSprop(p, lr=0.02, eps=0.1),
}
LOSSES: dict[str, Callable[[Value], Value]] = {
    "sum": lambda y: (y * (rg.arange(y.numel()) % 3 - 1.0).to(y.dtype).reshape(y.shape)).sum() / y.numel() ** 0.5,
    "squares": lambda y: F.mse_loss(y, rg.ones_like(y)),
    "classes": lambda y: F.cross_entropy(y.reshape(y.shape[0], -1), rg.arange(y.shape[0]) % (y[0].numel())),
    "logistic": lambda y: F.binary_cross_entropy_with_logits(
        y, (rg.arange(y.numel()) % 2).to(y.dtype).reshape(y.shape)
    ),
    "huber": lambda y: F.smooth_l1_loss(y, rg.zeros_like(y)),
}


@dataclass(frozen=True)
class Instruction:
    """One layer: on which of the values that it takes, counted back from the newest, and what it picks."""

    layer: str
    operand: int
    choices: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """A network, and how it is trained.

    Attributes:
        dtype: of parameters and data.
        shapes: places in SHAPES of its inputs.
        batches: how many examples each training step has.
        looks: whether the loss is read before the gradient is taken.
        penalised: whether the loss has a penalty on the gradient of the first input, so that gradients are taken twice.
    """

    dtype: str
    shapes: tuple[int, ...]
    instructions: tuple[Instruction, ...]
    loss: str
    optimizer: str
    batches: tuple[int, ...]
    looks: bool
    penalised: bool


def programs(longest: int = 10) -> st.SearchStrategy[Program]:
    """Any program."""
    instruction = st.builds(
        Instruction, st.sampled_from(list(LAYERS)), st.integers(0, 3), st.tuples(*[st.integers(0, 59)] * 3)
    )
    return st.builds(
        Program,
        st.sampled_from(["float32", "float64"]),
        st.lists(st.integers(0, len(SHAPES) - 1), min_size=1, max_size=2).map(tuple),
        st.lists(instruction, min_size=1, max_size=longest).map(tuple),
        st.sampled_from(list(LOSSES)),
        st.sampled_from(list(OPTIMIZERS)),
        st.sampled_from([(4, 4, 4), (4, 3), (1,), (9, 9), (33, 2)]),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
    )


def one_of_each() -> Iterator[Program]:
    """Networks of one instruction, whatever it may pick."""
    for layer in LAYERS:
        shape = max(i for i, shape in enumerate(SHAPES) if LAYERS[layer].accepts(rg.zeros(2, *shape)))
        picks = [(i, 0, 0) for i in range(len({"smooth": SMOOTH, "kinked": KINKED}.get(layer, range(10))))]
        for choices in [*picks, *((i, j, 0) for i in range(2) for j in range(1, 9))]:
            instructions = (Instruction(layer, 0, choices),)
            yield Program("float32", (shape,), instructions, "squares", "sgd", (2,), False, choices[1] == 0)


def first_of_each() -> Iterator[Program]:
    """A network of every layer."""
    seen: set[str] = set()
    for program in one_of_each():
        if program.instructions[0].layer not in seen:
            seen.add(program.instructions[0].layer)
            yield program


@dataclass
class Run:
    """What training gives.

    Attributes:
        results: losses, gradients of every step, parameters in the end, and the last output, by name.
        largest: the largest absolute value met on the way.
    """

    results: dict[str, Array] = field(default_factory=dict)
    largest: float = 0.0


class Network:
    """A program being run: its values, its parameters, and the instruction at work.

    Args:
        moved: every number that goes in is moved by up to this part of itself, in a direction that the sign turns.
    """

    def __init__(self, program: Program, dtype: str, moved: float = 0.0) -> None:
        self.program = program
        self.dtype = dtype
        self.moved = moved
        self.weights: dict[tuple[int, int], Value] = {}

    def forward(self, step: int) -> list[Value]:
        """All values of a training step."""
        batch = self.program.batches[step]
        inputs = [
            self._data(np.random.RandomState(100 * step + i).randn(batch, *SHAPES[shape]))
            for i, shape in enumerate(self.program.shapes)
        ]
        inputs[0].requires_grad_(self.program.penalised)
        return self.through(inputs)

    def through(self, inputs: Sequence[Value]) -> list[Value]:
        """All values that come of some inputs."""
        self.values = list(inputs)
        for place, instruction in enumerate(self.program.instructions):
            self._place = place
            layer = LAYERS[instruction.layer]
            fitting = [x for x in self.values if layer.accepts(x)]
            if not fitting:
                continue
            self._choices = iter(instruction.choices)
            self._made = 0
            x = fitting[-1 - instruction.operand % len(fitting)]
            made = layer.make(self, x)
            if 0 < math.prod(made.shape[1:]) <= LARGEST and 2 <= made.ndim <= 4:
                self.values.append(made)
        return self.values

    def pick(self, options: Sequence[T]) -> T:
        return options[next(self._choices, 0) % len(options)]

    def weight(self, *shape: int) -> Value:
        self._made += 1
        key = self._place, self._made
        if key not in self.weights:
            numbers = np.random.RandomState(1000 + 10 * key[0] + key[1]).randn(*shape)
            self.weights[key] = self._data(numbers / np.sqrt(np.prod(shape[1:]))).requires_grad_()
        return self.weights[key]

    def other(self, accepts: Callable[[Value], bool]) -> Value | None:
        fitting = [x for x in self.values if accepts(x)]
        return fitting[next(self._choices, 0) % len(fitting)] if fitting else None

    def _data(self, numbers: Array) -> Value:
        """Numbers as the program's dtype has them, moved and in the dtype of this run."""
        exact = numbers.astype(self.program.dtype).astype(np.float64)
        direction = np.random.RandomState(7).uniform(-1, 1, exact.shape)
        return rg.tensor((exact * (1 + self.moved * direction)).astype(self.dtype))


def train(program: Program, dtype: str | None = None, moved: float = 0.0, measure: bool = False) -> Run:
    """Run a program on the backend in force.

    Args:
        dtype: to compute in; the program's if left out.
        moved: how far inputs and initial weights are moved, relative to themselves.
        measure: read all values, for the largest.
    """
    rg.manual_seed(0)
    network, run = Network(program, dtype or program.dtype, moved), Run()
    scales = [network._data(np.ones(())).requires_grad_() for _ in range(3)]
    parameters: list[Value] = []
    for step in range(len(program.batches)):
        output, loss = _forward(network, step, scales, run if measure else None)
        if not parameters:
            parameters = [*scales, *network.weights.values()]
            optimizer = OPTIMIZERS[program.optimizer](parameters)
        if program.looks:
            loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.results[f"loss {step}"] = _read(loss)
        for place, p in enumerate(parameters):
            if p.grad is not None:
                run.results[f"gradient {place} of step {step}"] = _read(p.grad)
    run.results["output"] = _read(output)
    run.results |= {f"parameter {place}": _read(p) for place, p in enumerate(parameters)}
    if measure:
        run.largest = max([run.largest, *_sizes(run.results.values())])
    return run


def _forward(network: Network, step: int, scales: list[Value], run: Run | None) -> tuple[Value, Value]:
    """The output and the loss; every program has parameters, the scales, even without layers that have some."""
    values = network.forward(step)
    if run is not None:
        run.largest = max([run.largest, *_sizes(_read(x) for x in values)])
    first, second, third = scales
    output = values[-1] * first + values[0].sum() * (second - third) / values[0].numel()
    loss = LOSSES[network.program.loss](output)
    if network.program.penalised:
        (slope,) = rg.autograd.grad(loss, [values[0]], create_graph=True)
        loss = loss + 0.1 * (slope * slope).sum()
    network.values = []
    return output, loss


def _read(x: Value) -> Array:
    return np.array(x.detach().numpy())


def _sizes(arrays: Any) -> Iterator[float]:
    return (float(np.abs(x).max()) for x in arrays if x.size)
