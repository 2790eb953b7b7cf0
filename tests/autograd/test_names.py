"""The names of torch.autograd, and its lesser parts."""

from __future__ import annotations

import importlib

import pytest

import retrograd as rg
from retrograd.core.errors import OptionError


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("retrograd.autograd", "Function Variable backward grad gradcheck gradgradcheck no_grad enable_grad"),
        (
            "retrograd.autograd",
            "functional detect_anomaly set_detect_anomaly set_grad_enabled inference_mode profiler graph",
        ),
        ("retrograd.autograd.function", "Function FunctionCtx once_differentiable"),
        ("retrograd.autograd.functional", "jacobian hessian vjp jvp vhp hvp"),
        ("retrograd.autograd.gradcheck", "gradcheck gradgradcheck GradcheckError"),
        ("retrograd.autograd.grad_mode", "no_grad enable_grad set_grad_enabled inference_mode"),
        ("retrograd.autograd.anomaly_mode", "detect_anomaly set_detect_anomaly"),
        ("retrograd.autograd.variable", "Variable"),
        ("retrograd.autograd.profiler", "profile record_function"),
        ("retrograd.autograd.graph", "Node"),
        ("retrograd.func", "grad grad_and_value value_and_grad vjp jvp jacrev jacfwd hessian vmap functional_call"),
        ("retrograd.func", "stack_module_state linearize"),
        ("retrograd", "vmap func autograd is_anomaly_enabled is_inference_mode_enabled"),
    ],
)
def test_names(module: str, names: str) -> None:
    found = importlib.import_module(module)
    for name in names.split():
        assert hasattr(found, name)


def test_grad_fn_is_a_node() -> None:
    assert isinstance((rg.ones(1, requires_grad=True) * 2).grad_fn, rg.autograd.graph.Node)


def test_variable() -> None:
    x = rg.ones(2)
    v = rg.autograd.Variable(x, requires_grad=True)
    assert isinstance(v, rg.Tensor) and isinstance(x, rg.autograd.Variable)
    assert not isinstance(3, rg.autograd.Variable)
    x.add_(1.0)
    assert v.tolist() == [2, 2] and v.requires_grad and not x.requires_grad
    with pytest.raises(OptionError, match="no_grad"):
        rg.autograd.Variable(x, volatile=True)
    with pytest.raises(TypeError, match="received list"):
        rg.autograd.Variable([1.0])


def test_profile() -> None:
    x = rg.tensor([1.0, 2.0])
    with rg.autograd.profiler.profile() as outer, rg.autograd.profiler.profile(use_cuda=True) as prof:
        for _ in range(3):
            with rg.autograd.profiler.record_function("step"):
                x.exp().tolist()
    rows = {row.key: row for row in prof.key_averages()}
    assert rows["step"].count == 3 and rows["program: exp"].count == 3
    assert rows["step"].cpu_time_total > rows["program: exp"].cpu_time_total > 0
    assert prof.total_average().count == outer.total_average().count == 3
    assert prof.self_cpu_time_total == rows["program: exp"].cpu_time_total
    lines = prof.key_averages().table(sort_by="count", row_limit=1).splitlines()
    assert len(lines) == 2 and lines[1].split()[0] in ("step", "program:")
    assert "program: exp" in str(prof)
    with pytest.raises(OptionError, match="sort_by must be one of"):
        prof.table(sort_by="cuda_time_total")
    with rg.autograd.profiler.profile(enabled=False) as off:
        (rg.ones(4) * 2.0).tolist()
    assert off.key_averages() == []
