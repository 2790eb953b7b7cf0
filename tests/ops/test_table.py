"""Every primitive and composite by its row: values, gradients, second gradients, batching, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.autodiff.batching import batched
from retrograd.core.graph import Graph
from retrograd.core.node import input_node
from retrograd.core.operation import COMPOSITES, CONTROL_FLOW, PRIMITIVES, Primitive, record
from retrograd.core.signature import Operation
from retrograd.runtime.devices import use_backend
from retrograd.runtime.evaluate import observed
from retrograd.tensor.base import wrap
from tests.support.backends import BACKENDS
from tests.support.composite_table import COMPOSITE_ROWS
from tests.support.evaluate import apply, apply_permuted, outputs, slopes, weights
from tests.support.everything import import_everything
from tests.support.fallbacks import FACTORISATIONS, ROWS as ROW_FALLBACKS, fallbacks_of, watched as watched_fallbacks
from tests.support.parity import needs_torch, torch
from tests.support.primitive_table import PRIMITIVE_ROWS
from tests.support.rows_recurrent import CONTROL_FLOW_ROWS
from tests.support.table import Array, Case, Refusal, names

BATCH = 3
# Central differences in steps of 1e-6 round at about 1e-16 / 1e-6, and sums of some tens of terms stand behind each.
SLOPE = {"rtol": 1e-5, "atol": 1e-6}

_TABLES = ((PRIMITIVES, PRIMITIVE_ROWS), (COMPOSITES, COMPOSITE_ROWS), (CONTROL_FLOW, CONTROL_FLOW_ROWS))
_KINDS = ("primitive", "composite", "control flow")


def _cases() -> Iterator[Any]:
    for kind, (registry, rows) in zip(_KINDS, _TABLES, strict=True):
        for row in rows:
            for i, case in enumerate(row.cases):
                yield pytest.param(registry.get(row.name), case, id=f"{kind}-{row.name}-{i}")


def _refusals() -> Iterator[Any]:
    for kind, (registry, rows) in zip(_KINDS, _TABLES, strict=True):
        for row in rows:
            for i, refusal in enumerate(row.refusals):
                yield pytest.param(registry.get(row.name), refusal, id=f"{kind}-{row.name}-{i}")


def _float_places(case: Case) -> list[int]:
    return [i for i, x in enumerate(case.inputs) if x.dtype == np.float64]


import_everything()
CASES = list(_cases())
SMOOTH = [p for p in CASES if p.values[1].smooth and _float_places(p.values[1])]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each backend; of the native one nothing runs by its definition but what the lists of fallbacks name."""
    with use_backend(request.param), watched_fallbacks() as found:
        yield request.param
    operation = request.node.callspec.params["operation"]
    allowed = FACTORISATIONS if operation.name in FACTORISATIONS else ROW_FALLBACKS.get(operation.name, set())
    assert found <= set(allowed)


def test_every_operation_has_a_row() -> None:
    for registry, rows in _TABLES:
        assert sorted(names(rows)) == sorted(registry)


def test_which_rows_reach_what_numpy_computes() -> None:
    """By what is planned for their values, gradients and second gradients."""
    found: dict[str, set[str]] = {}
    for operation, case in (parameter.values for parameter in CASES):
        if isinstance(operation, Primitive):
            continue
        with use_backend("null"), observed() as seen:
            apply(operation, case.inputs, case.attributes)
            if case.smooth and _float_places(case):
                for g in _second_gradients(operation, case):
                    g.numpy()
        reached = set().union(*(fallbacks_of(evaluation.graph) for evaluation in seen))
        if reached:
            found.setdefault(operation.name, set()).update(reached)
    assert found == ROW_FALLBACKS


def _second_gradients(operation: Operation, case: Case) -> list[Any]:
    """The gradients of the weighted sum of all gradients."""
    wanted, total = _directional(operation, case, case.inputs, create_graph=True)
    if not total.requires_grad:
        return [total]
    return [g for g in rg.autograd.grad(total, wanted, allow_unused=True) if g is not None]


@pytest.mark.parametrize(("operation", "case"), CASES)
def test_values(operation: Operation, case: Case, backend: str) -> None:
    expected = case.numpy(*case.inputs, *case.attributes)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for found in (apply, apply_permuted):
        for ours, theirs in zip(found(operation, case.inputs, case.attributes), expected, strict=True):
            assert ours.dtype == np.asarray(theirs).dtype
            assert ours.shape == np.shape(theirs)
            np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)


@needs_torch
@pytest.mark.parametrize(("operation", "case"), [p for p in CASES if p.values[1].torch is not None])
def test_values_and_gradients_equal_pytorch(operation: Operation, case: Case, backend: str) -> None:
    places = _float_places(case)
    theirs = [torch.tensor(x, requires_grad=i in places) for i, x in enumerate(case.inputs)]
    expected = getattr(torch, case.torch)(*theirs) if isinstance(case.torch, str) else case.torch(*theirs)
    ours = [rg.tensor(x, requires_grad=i in places) for i, x in enumerate(case.inputs)]
    (found,) = outputs(operation, [x._read() for x in ours], case.attributes)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-13, atol=1e-14)
    assert found.requires_grad == expected.requires_grad
    if not expected.requires_grad:
        return
    weight = weights(tuple(expected.shape), 0)
    (found * rg.tensor(weight)).sum().backward()
    (expected * torch.tensor(weight)).sum().backward()
    for i in places:
        wanted = theirs[i].grad if theirs[i].grad is not None else torch.zeros_like(theirs[i])
        np.testing.assert_allclose(ours[i].grad.numpy(), wanted.numpy(), rtol=1e-11, atol=1e-12)


def _total(operation: Operation, case: Case, tensors: Sequence[Any]) -> Any:
    """A weighted sum of all outputs that are numbers."""
    made = [x for x in outputs(operation, [x._read() for x in tensors], case.attributes) if x.is_floating_point()]
    return sum((x * rg.tensor(weights(tuple(x.shape), i))).sum() for i, x in enumerate(made))


def _gradients(operation: Operation, case: Case, arrays: Sequence[Array], create_graph: bool) -> tuple[Any, list[Any]]:
    places = _float_places(case)
    tensors = [rg.tensor(x, requires_grad=i in places) for i, x in enumerate(arrays)]
    wanted = [tensors[i] for i in places]
    total = _total(operation, case, tensors)
    return wanted, list(rg.autograd.grad(total, wanted, create_graph=create_graph, allow_unused=True))


@pytest.mark.parametrize(("operation", "case"), SMOOTH)
def test_gradients_equal_finite_differences(operation: Operation, case: Case, backend: str) -> None:
    _, found = _gradients(operation, case, case.inputs, create_graph=False)
    for place, g in zip(_float_places(case), found, strict=True):
        expected = slopes(
            lambda arrays: _total(operation, case, [rg.tensor(x) for x in arrays]).item(), case.inputs, place
        )
        np.testing.assert_allclose(g.numpy() if g is not None else np.zeros_like(expected), expected, **SLOPE)


def _directional(operation: Operation, case: Case, arrays: Sequence[Array], create_graph: bool) -> tuple[Any, Any]:
    """The weighted sum of all gradients."""
    wanted, found = _gradients(operation, case, arrays, create_graph)
    parts = [(g * rg.tensor(weights(tuple(g.shape), 9 + i))).sum() for i, g in enumerate(found) if g is not None]
    return wanted, sum(parts)


@pytest.mark.parametrize(("operation", "case"), SMOOTH)
def test_second_gradients_equal_finite_differences(operation: Operation, case: Case, backend: str) -> None:
    wanted, total = _directional(operation, case, case.inputs, create_graph=True)
    found = rg.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else [None] * len(wanted)
    for place, g in zip(_float_places(case), found, strict=True):
        expected = slopes(
            lambda arrays: float(_directional(operation, case, arrays, create_graph=False)[1]), case.inputs, place
        )
        np.testing.assert_allclose(g.numpy() if g is not None else np.zeros_like(expected), expected, **SLOPE)


@pytest.mark.parametrize(("operation", "case"), [p for p in CASES if p.values[1].inputs])
def test_batching_equals_a_loop(operation: Operation, case: Case, backend: str) -> None:
    free = [i for i in range(len(case.inputs)) if i not in case.shared]
    for chosen in (free, free[:1], free[-1:]):
        stacks = [
            np.stack([x, x[..., ::-1] if x.ndim else x, x]) if i in chosen else x for i, x in enumerate(case.inputs)
        ]
        _check_batch(operation, case, stacks, [i in chosen for i in range(len(stacks))])


def _check_batch(operation: Operation, case: Case, stacks: list[Array], has: list[bool]) -> None:
    placeholders = [input_node(rg.tensor(x)._read().type, None) for x in case.inputs]
    node = record(operation, tuple(placeholders), case.attributes)
    assert node.signature is not None
    graph = Graph.from_nodes(placeholders, [node])
    found = wrap(batched(graph, [rg.tensor(x)._read() for x in stacks], has, BATCH)[0]).numpy()
    for k in range(BATCH):
        arrays = [x[k] if batch else x for x, batch in zip(stacks, has, strict=True)]
        np.testing.assert_allclose(found[k], apply(operation, arrays, case.attributes)[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("operation", "refusal"), list(_refusals()))
def test_refusals(operation: Operation, refusal: Refusal) -> None:
    nodes = tuple(rg.tensor(x)._read() for x in refusal.inputs)
    with pytest.raises(refusal.error, match=refusal.message):
        record(operation, nodes, refusal.attributes)
