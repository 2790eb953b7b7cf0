"""Graphs over extents are, for other values, the graphs that are recorded there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import retrograd as rg
from retrograd.core.digest import digest_of
from retrograd.core.family import Fitter
from retrograd.core.graph import Graph
from retrograd.core.instance import graph_at
from retrograd.passes.generalise import form_of, generalised, is_general
from retrograd.passes.inline import inline_calls
from retrograd.passes.pipeline import run_passes
from retrograd.runtime.evaluate import forget_programs, observed

F = rg.nn.functional
PROGRAMS: dict[str, Callable[[int], rg.Tensor]] = {
    "softmax": lambda n: rg.ones(n, 4).softmax(0) @ rg.ones(4, n),
    "norm": lambda n: F.layer_norm(rg.ones(n, 6), (6,)).mean() + F.group_norm(rg.ones(n, 4), 2).sum(),
    "loss": lambda n: F.cross_entropy(rg.ones(n, 5), rg.zeros(n, dtype=rg.int64)),
    "loop": lambda n: rg.nn.LSTM(4, 3)(rg.ones(n, 2, 4))[0].sum(),
    "pieces": lambda n: rg.cat([rg.ones(n, 2)[1:], rg.ones(3, 2)]).reshape(-1).flip(0)[: 2 * n],
    "convolution": lambda n: F.conv2d(rg.ones(n, 2, 6, 6), rg.ones(3, 2, 3, 3)).reshape(n, -1),
}


def _recorded(make: Callable[[int], rg.Tensor], n: int) -> Graph:
    forget_programs()
    with rg.use_backend("null"), observed() as seen:
        make(n).detach().numpy()
    return seen[-1].entry.structure.recorded


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_over_extents_is_the_one_that_is_recorded_elsewhere(name: str) -> None:
    make = PROGRAMS[name]
    graphs = [_recorded(make, n) for n in (20, 30, 41)]
    forms = [form_of(graph) for graph in graphs]
    assert len({form.key for form in forms}) == 1
    fitter = Fitter([form.numbers for form in forms])
    general = generalised(graphs[-1], fitter)
    assert is_general(general) and not is_general(graphs[-1])
    inlined, passed = inline_calls(general), run_passes(general)
    fit = fitter.finish()
    for n in (25, 60):
        other = _recorded(make, n)
        assert form_of(other).key == forms[0].key
        found = fit.at(form_of(other).numbers)
        assert found is not None
        values, _ = found
        assert digest_of(graph_at(inlined, fit.guards, values)) == digest_of(inline_calls(other))
        assert _operations(graph_at(passed, fit.guards, values)) == _operations(run_passes(other))


def _operations(graph: Graph) -> list[tuple[str, tuple[int, ...]]]:
    """The steps that are left after the passes, but for what is made of constants."""
    return [
        (step.signature.operation.name, step.signature.type.shape)
        for step in graph.steps
        if step.args and step.signature.type.shape
    ]


def test_other_operations_attributes_and_wiring_have_other_forms() -> None:
    graphs = [
        _recorded(lambda n: rg.ones(n, 4).softmax(0), 20),
        _recorded(lambda n: rg.ones(n, 4).log_softmax(0), 20),
        _recorded(lambda n: rg.ones(n, 4, 1).softmax(0), 20),
        _recorded(lambda n: rg.ones(n, 4, dtype=rg.float64).softmax(0), 20),
    ]
    assert len({form_of(graph).key for graph in graphs}) == len(graphs)
