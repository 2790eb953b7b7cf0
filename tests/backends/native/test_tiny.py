"""Programs compiled whole against the ordinary path, bit by bit."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import retrograd as rg
from retrograd.backends.native import backend
from retrograd.backends.native.compiler import host
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.kernel import ARITY, BINARY, COMPARISONS, UNARY
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.program import NativeProgram, bind_plan
from retrograd.backends.native.schedule import Schedule, make_schedule
from retrograd.backends.native.split import split_reductions
from retrograd.backends.native.tiny import TinyLowering, is_tiny, kernel_key
from retrograd.backends.native.tiny_kernel import supports
from retrograd.backends.native.views import ViewTable
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DTYPES
from retrograd.core.errors import RetrogradError
from retrograd.core.graph import Graph
from retrograd.core.operation import PRIMITIVES
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.passes.builder import GraphBuilder
from retrograd.runtime.devices import use_backend
from retrograd.runtime.evaluate import forget_programs

Array = np.ndarray[Any, Any]

FLOATS = ("float32", "float64")
DTYPE_NAMES = (*FLOATS, "int64", "int32", "int16", "int8", "uint8", "bool")
SHAPES: tuple[Shape, ...] = (
    (), (1,), (3,), (17,), (64,), (2, 3), (4, 2), (3, 1), (5, 5), (2, 32), (21, 3), (2, 3, 4), (4, 1, 2), (3, 5, 4),
)  # fmt: skip


def elementwise_names(dtype: str) -> list[str]:
    """Primitives that have a kernel for this dtype, `select` and `cast` aside."""
    defined = {**UNARY, **BINARY, "invert": UNARY["not"], **dict.fromkeys(COMPARISONS, DTYPE_NAMES)}
    return sorted(name for name, dtypes in defined.items() if name in PRIMITIVES and dtype in dtypes)


def arity(name: str) -> int:
    return ARITY["not" if name == "invert" else name]


# -- running one graph on both paths ----------------------------------------------------------------------------------


def bound(lowering: Lowering, schedule: Schedule) -> NativeProgram:
    inputs = lowering.graph.inputs
    plan = Plan.of(lowering, schedule)
    numbers = [False] * len(inputs)
    bound_plan = bind_plan(plan, lambda key: lowering.generators[key]())
    return NativeProgram(bound_plan, inputs, numbers, lambda: (lowering, schedule))


def ordinary(graph: Graph, aliases: Sequence[int], tier: int) -> NativeProgram:
    lowering = Lowering(graph, Fusion(graph, ViewTable(graph), fuse=tier > 0), host().target)
    return bound(lowering, make_schedule(lowering, aliases))


def whole(graph: Graph, aliases: Sequence[int]) -> NativeProgram:
    lowering = TinyLowering(graph, host().target)
    return bound(lowering, make_schedule(lowering, aliases))


def run(program: NativeProgram, graph: Graph, arrays: Sequence[Array], aliases: Sequence[int]) -> list[Array]:
    inputs = [Buffer.copy_of(array, type_) for array, type_ in zip(arrays, graph.inputs, strict=True)]
    outputs = [
        Buffer(type_) if source < 0 else inputs[source]
        for source, type_ in zip(aliases, graph.output_types, strict=True)
    ]
    program.run(inputs, outputs)
    return [output.array().copy() for output in outputs]


def bits(array: Array) -> bytes:
    """The bytes, of a NaN only that it is one."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.asarray(np.nan, array.dtype), array)
    return array.tobytes()


def check(graph: Graph, arrays: Sequence[Array], aliases: Sequence[int] | None = None) -> None:
    """The graph compiled whole has the bits of tier 0 and of tier 1."""
    graph = split_reductions(graph)
    assert supports(graph)
    aliases = [-1] * len(graph.outputs) if aliases is None else aliases
    found = run(whole(graph, aliases), graph, arrays, aliases)
    for tier in (0, 1):
        expected = run(ordinary(graph, aliases, tier), graph, arrays, aliases)
        for number, (a, b) in enumerate(zip(found, expected, strict=True)):
            assert bits(a) == bits(b), f"output {number}, {kernel_key(graph)}: {a}, and at tier {tier} {b}"


def filled(generator: np.random.Generator, type_: TensorType) -> Array:
    """Numbers of which some are special."""
    dtype = type_.dtype.numpy
    if type_.dtype.kind < 2:
        return generator.integers(0, 2 if type_.dtype.name == "bool" else 5, type_.shape).astype(dtype)
    values = generator.standard_normal(type_.shape) * 10.0 ** generator.integers(-3, 3)
    special = generator.choice([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-40, 3e38], type_.shape)
    return np.where(generator.random(type_.shape) < generator.choice([0.0, 0.3]), special, values).astype(dtype)


def arrays_for(graph: Graph, seed: int = 0) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [filled(generator, type_) for type_ in graph.inputs]


def types_of(*described: tuple[str, Shape]) -> tuple[TensorType, ...]:
    return tuple(tensor_type(shape, DTYPES[dtype]) for dtype, shape in described)


def graph_of(inputs: tuple[TensorType, ...], build: Callable[[GraphBuilder], Sequence[int]]) -> Graph:
    builder = GraphBuilder(inputs)
    return builder.finish(build(builder))


def apply(builder: GraphBuilder, name: str, *args: int, attributes: tuple[Any, ...] = ()) -> int:
    return builder.record(PRIMITIVES[name], args, attributes)


def const(builder: GraphBuilder, number: Any, dtype: str, shape: Shape = ()) -> int:
    return apply(builder, "const", attributes=(number, dtype, shape))


# -- each kind of step ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPE_NAMES)
def test_every_elementwise_step(dtype: str) -> None:
    inputs = types_of((dtype, (3, 7)), (dtype, (3, 7)), ("bool", (3, 7)))

    def build(builder: GraphBuilder) -> list[int]:
        made = [apply(builder, "select", 2, 0, 1)]
        made += [apply(builder, name, *range(arity(name))) for name in elementwise_names(dtype)]
        made += [
            apply(builder, "cast", 0, attributes=(target,))
            for target in DTYPE_NAMES
            if dtype not in FLOATS or target in (*FLOATS, "bool")
        ]
        return made

    graph = graph_of(inputs, build)
    for seed in range(3):
        check(graph, arrays_for(graph, seed))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_cast_to_integers(dtype: str) -> None:
    def build(builder: GraphBuilder) -> list[int]:
        return [apply(builder, "cast", 0, attributes=(target,)) for target in DTYPE_NAMES]

    check(graph_of(types_of((dtype, (5,))), build), [np.array([0.0, 1.5, 2.0, 99.9, 3.0], dtype)])


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
def test_every_reduction(name: str, dtype: str) -> None:
    for shape, axes in (
        ((64,), (0,)), ((37,), (0,)), ((5,), (0,)), ((4, 1), (0,)), ((3, 21), (1,)), ((21, 3), (0,)), ((2, 5, 6), (1,)),
        ((2, 5, 6), (0, 2)), ((2, 5, 6), (0, 1, 2)), ((1, 2, 1, 9), (1, 3)), ((2, 32), (1,)), ((32, 2), (0,)),
    ):  # fmt: skip
        graph = graph_of(
            types_of((dtype, shape)), lambda builder, axes=axes: [apply(builder, name, 0, attributes=(axes,))]
        )
        for seed in range(2):
            check(graph, arrays_for(graph, seed))


def test_signed_zeros_in_sums() -> None:
    def build(builder: GraphBuilder) -> list[int]:
        return [apply(builder, "sum", 0, attributes=(axes,)) for axes in ((0,), (1,), (0, 1))]

    check(graph_of(types_of(("float32", (3, 20))), build), [np.full((3, 20), -0.0, np.float32)])


@pytest.mark.parametrize("dtype", FLOATS)
def test_products(dtype: str) -> None:
    for a, b in (
        ((4, 2), (2, 2)), ((1, 64), (64, 1)), ((8, 8), (8, 8)), ((5, 3), (3, 7)), ((2, 3, 4), (2, 4, 5)),
        ((2, 2, 3, 1), (2, 2, 1, 4)),
    ):  # fmt: skip
        graph = graph_of(types_of((dtype, a), (dtype, b)), lambda builder: [apply(builder, "matmul", 0, 1)])
        for seed in range(3):
            check(graph, arrays_for(graph, seed))
    negative = graph_of(types_of((dtype, (3, 1)), (dtype, (1, 3))), lambda builder: [apply(builder, "matmul", 0, 1)])
    check(negative, [np.zeros((3, 1), dtype), np.full((1, 3), -1, dtype)])


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_movements(dtype: str) -> None:
    def build(builder: GraphBuilder) -> list[int]:
        zero, one, two = (const(builder, number, "int64") for number in range(3))
        turned = apply(builder, "permute", 0, attributes=((1, 0),))
        row = apply(builder, "reshape", 1, attributes=((1, 5),))
        made = [
            turned,
            apply(builder, "reshape", turned, attributes=((2, 10),)),
            apply(builder, "broadcast", row, attributes=((4, 5),)),
            apply(builder, "slice", 0, one, zero, attributes=((2, 3), (2, 2))),
            apply(builder, "flip", 0, attributes=((0, 1),)),
            apply(builder, "flip", turned, attributes=((0,),)),
            apply(builder, "concat", 0, row, 0, attributes=(0,)),
            apply(builder, "pad", 0, attributes=((1, 0), (2, 1))),
            apply(builder, "slice_put", 0, row, two, zero, attributes=((1, 1),)),
        ]
        return [*made, apply(builder, "eq", made[0], apply(builder, "permute", made[4], attributes=((1, 0),)))]

    graph = graph_of(types_of((dtype, (4, 5)), (dtype, (5,))), build)
    check(graph, arrays_for(graph))


def test_constants_and_coordinates() -> None:
    def build(builder: GraphBuilder) -> list[int]:
        numbers = [const(builder, -0.0, "float32", (3, 2)), const(builder, 300, "uint8", (17,))]
        lines = [apply(builder, "iota", attributes=(shape, axis)) for shape, axis in (((4, 5), 0), ((4, 5), 1))]
        one = apply(builder, "iota", attributes=((1,), 0))
        return [*numbers, *lines, one, apply(builder, "add", *lines), 0]

    graph = graph_of(types_of(("float32", (2,))), build)
    check(graph, arrays_for(graph))


@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_by_index(dtype: str) -> None:
    def build(builder: GraphBuilder) -> list[int]:
        doubled = apply(builder, "add", 0, 0)
        taken = [apply(builder, "take", table, 1) for table in (0, doubled)]
        added = [apply(builder, "take_add", rows, 1, attributes=((6, 3),)) for rows in taken]
        return [*taken, *added]

    graph = graph_of(types_of((dtype, (6, 3)), ("int64", (2, 4))), build)
    index = np.array([[0, 5, 5, 2], [-3, 99, 1, 0]])
    check(graph, [arrays_for(graph)[0], index])


# -- random graphs ----------------------------------------------------------------------------------------------------


def random_graph(chance: random.Random, steps: int) -> Graph:
    """Steps on values of few shapes and dtypes, so that many fit together."""
    shapes, dtypes = chance.sample(SHAPES, 2), chance.choices(DTYPE_NAMES, (6, 2, 1, 1, 1, 1, 1, 1), k=2)
    builder = GraphBuilder(types_of(*[(dtype, shape) for shape in shapes for dtype in dtypes]))
    for _ in range(20 * steps):
        if len(builder.steps) < steps:
            with suppress(RetrogradError):
                chance.choice(RANDOM_STEPS)(chance, builder)
    count = len(builder.types)
    return builder.finish(sorted({count - 1, *chance.sample(range(count), 3)}))


def random_value(chance: random.Random, builder: GraphBuilder) -> tuple[int, Shape]:
    value = chance.randrange(len(builder.types))
    return value, builder.types[value].shape


def random_elementwise(chance: random.Random, builder: GraphBuilder) -> None:
    x, _ = random_value(chance, builder)
    name = chance.choice(elementwise_names(builder.types[x].dtype.name))
    alike = [value for value, type_ in enumerate(builder.types) if type_ is builder.types[x]]
    apply(builder, name, x, *chance.choices(alike, k=arity(name) - 1))


def random_select(chance: random.Random, builder: GraphBuilder) -> None:
    x, _ = random_value(chance, builder)
    apply(builder, "select", apply(builder, "ge", x, x), x, x)


def random_reduction(chance: random.Random, builder: GraphBuilder) -> None:
    x, shape = random_value(chance, builder)
    axes = tuple(sorted(chance.sample(range(len(shape)), chance.randint(0, len(shape)))))
    name = chance.choice(("sum", "prod", "max", "min"))
    if axes and builder.types[x].dtype.name != "bool":
        reduced = apply(builder, name, x, attributes=(axes,))
        apply(builder, "broadcast", reduced, attributes=(shape,))


def random_product(chance: random.Random, builder: GraphBuilder) -> None:
    x, shape = random_value(chance, builder)
    if len(shape) == 2 and max(shape) <= 8 and builder.types[x].dtype.is_floating_point:
        apply(builder, "matmul", x, apply(builder, "permute", x, attributes=((1, 0),)))


def random_movement(chance: random.Random, builder: GraphBuilder) -> None:
    x, shape = random_value(chance, builder)
    axes = range(len(shape))
    name = chance.choice(("reshape", "permute", "flip", "slice"))
    if name == "reshape":
        apply(builder, name, x, attributes=((math.prod(shape), 1),))
    elif name == "permute":
        apply(builder, name, x, attributes=(tuple(chance.sample(axes, len(axes))),))
    elif name == "flip":
        apply(builder, name, x, attributes=((*axes[:1],),))
    else:
        zeros = [const(builder, 0, "int64") for _ in axes]
        apply(builder, name, x, *zeros, attributes=(tuple(-(-n // 2) for n in shape), (1,) * len(axes)))


RANDOM_STEPS = (
    *[random_elementwise] * 4, random_select, random_reduction, random_product, random_movement, random_movement,
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14))
def test_random_graphs(seed: int, steps: int) -> None:
    graph = random_graph(random.Random(seed), steps)
    check(graph, arrays_for(graph, seed))


# -- memory and eligibility -------------------------------------------------------------------------------------------


def test_outputs_may_overwrite_inputs() -> None:
    """Each output lies over the input that another output is made of."""

    def build(builder: GraphBuilder) -> list[int]:
        total = apply(builder, "add", 0, 1)
        return [apply(builder, "mul", 1, total), apply(builder, "sub", 0, total), total, total, 2]

    graph = graph_of(types_of(*[("float32", (4, 5))] * 3), build)
    check(graph, arrays_for(graph, 1), [0, 1, -1, 2, -1])


def test_what_is_tiny() -> None:
    def chain(steps: int, shape: Shape, name: str = "neg") -> Graph:
        def build(builder: GraphBuilder) -> list[int]:
            for number in range(steps):
                apply(builder, name, number)
            return [steps]

        return graph_of(types_of(("float32", shape)), build)

    assert is_tiny(chain(20, (64,)))
    assert not is_tiny(chain(20, (65,)))
    assert not is_tiny(chain(20, (0,)))
    assert not is_tiny(chain(2, (64,)))
    assert not is_tiny(chain(1000, (64,)))
    assert not is_tiny(graph_of(types_of(("float32", (9,)), ("int64", ())), _sliced_at_run_time))


def _sliced_at_run_time(builder: GraphBuilder) -> list[int]:
    return [apply(builder, "slice", 0, 1, attributes=((number,), (1,))) for number in range(1, 10) for _ in range(2)]


def test_keys_tell_graphs_apart() -> None:
    def build(number: float, order: tuple[int, int]) -> Graph:
        return graph_of(
            types_of(("float32", ()), ("float32", ())),
            lambda builder: [apply(builder, "sub", *order), const(builder, number, "float32")],
        )

    keys = [kernel_key(build(*case)) for case in ((0.0, (0, 1)), (0.5, (0, 1)), (0.0, (1, 0)), (1.0, (0, 1)))]
    assert len(set(keys)) == len(keys)


# -- training ---------------------------------------------------------------------------------------------------------

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
TARGETS = np.array([[0], [1], [1], [0]], np.float32)


class Training:
    """XOR by two sigmoid layers."""

    def __init__(self, optimizer: str = "SGD") -> None:
        rg.manual_seed(1)
        self.model = rg.nn.Sequential(rg.nn.Linear(2, 2), rg.nn.Sigmoid(), rg.nn.Linear(2, 1), rg.nn.Sigmoid())
        self.criterion = rg.nn.MSELoss()
        self.optimizer = getattr(rg.optim, optimizer)(self.model.parameters(), lr=0.1)
        self.data = rg.tensor(INPUTS), rg.tensor(TARGETS)

    def step(self, inputs: rg.Tensor, targets: rg.Tensor) -> rg.Tensor:
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return loss

    def by_hand(self, steps: int) -> bytes:
        return self._bits([float(self.step(*self.data).item()) for _ in range(steps)])

    def captured(self, steps: int, batch_size: int | None) -> bytes:
        loop = rg.compile_loop(self.step, self.data, batch_size=batch_size)
        losses = loop.run(steps=steps).tolist()
        assert loop.captured
        return self._bits(losses)

    def _bits(self, losses: list[float]) -> bytes:
        parameters = [parameter.detach().numpy() for parameter in self.model.parameters()]
        return np.array(losses).tobytes() + b"".join(parameter.tobytes() for parameter in parameters)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Graph]:
    """The graphs that are compiled whole during a test."""
    graphs: list[Graph] = []

    def lowering(graph: Graph, *rest: Any) -> TinyLowering:
        graphs.append(graph)
        return TinyLowering(graph, *rest)

    monkeypatch.setattr(backend, "TinyLowering", lowering)
    forget_programs()
    return graphs


def trained(monkeypatch: pytest.MonkeyPatch, tier: int | None, *, tiny: bool, train: Callable[[], bytes]) -> bytes:
    forget_programs()
    with monkeypatch.context() as patch, use_backend("native", tier):
        if not tiny:
            patch.setattr(backend, "is_tiny", lambda graph: False)
        result = train()
    forget_programs()
    return result


def test_training_has_the_same_bits_on_every_path(monkeypatch: pytest.MonkeyPatch, made: list[Graph]) -> None:
    steps = 1000
    plain = trained(monkeypatch, 0, tiny=False, train=lambda: Training().by_hand(steps))
    fused = trained(monkeypatch, 1, tiny=False, train=lambda: Training().by_hand(steps))
    assert plain == fused
    assert not made
    by_hand = trained(monkeypatch, 1, tiny=True, train=lambda: Training().by_hand(steps))
    assert by_hand == plain
    assert made
    assert trained(monkeypatch, None, tiny=True, train=lambda: Training().captured(steps, None)) == plain
    assert trained(monkeypatch, None, tiny=True, train=lambda: Training().captured(steps, 4)) == plain


def test_training_in_batches_by_index_and_with_numbers_that_change(
    monkeypatch: pytest.MonkeyPatch, made: list[Graph]
) -> None:
    def train() -> bytes:
        return Training("Adam").captured(50, 2)

    assert trained(monkeypatch, None, tiny=False, train=train) == trained(monkeypatch, None, tiny=True, train=train)
    assert made


def test_numbers_from_python_are_inputs(monkeypatch: pytest.MonkeyPatch, made: list[Graph]) -> None:
    def train() -> bytes:
        x = rg.tensor(INPUTS)
        for number in range(20):
            x = (x * (0.5 + number)).tanh() + number
        result: bytes = x.numpy().tobytes()
        return result

    assert trained(monkeypatch, 1, tiny=True, train=train) == trained(monkeypatch, 1, tiny=False, train=train)
    assert any(not type_.shape for graph in made for type_ in graph.inputs)
