"""Values are never structure: each function that takes a number is one program for all numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
import retrograd.nn.functional as F
from tests.support.lazy import new_structures

x, y = rg.linspace(0.1, 1.1, 20).reshape(4, 5), rg.linspace(1.2, 0.2, 20).reshape(4, 5)
square, images = rg.linspace(0, 1, 25).reshape(5, 5), rg.linspace(0, 1, 216).reshape(2, 3, 6, 6)
rows, mask = rg.tensor([0, 1, 2, 0]), x > 0.3


def _assigned(tensor: Any, value: float) -> Any:
    written = tensor.clone()
    written[1:3] = value
    return written * 3.0


FUNCTIONS: dict[str, Callable[[float], Any]] = {
    "add alpha": lambda a: x.add(y, alpha=a),
    "sub alpha": lambda a: x.sub(y, alpha=a),
    "mul": lambda a: x * a,
    "div": lambda a: x / a,
    "number over tensor": lambda a: a / x,
    "pow": lambda a: x ** (a + 3.1),
    "number to the tensor": lambda a: a**x,
    "fmod": lambda a: x.fmod(a),
    "remainder": lambda a: x % a,
    "floor_divide": lambda a: x // a,
    "compare": lambda a: (x < a).float() + (x == a).float(),
    "clamp": lambda a: x.clamp(-a, a),
    "lerp": lambda a: rg.lerp(x, y, a),
    "addcmul": lambda a: rg.addcmul(x, y, y, value=a),
    "addcdiv": lambda a: rg.addcdiv(x, y, y, value=a),
    "addmm": lambda a: rg.addmm(square, square, square, beta=a, alpha=a),
    "baddbmm": lambda a: rg.baddbmm(square[None], square[None], square[None], beta=a, alpha=a),
    "full": lambda a: rg.full((3,), a) * 2.0,
    "fill_": lambda a: rg.zeros(3).fill_(a) * 2.0,
    "linspace": lambda a: rg.linspace(0, a, 7) * 2.0,
    "arange": lambda a: rg.arange(a, a + 3.0) * 2.0,
    "masked_fill": lambda a: x.masked_fill(mask, a),
    "index_fill": lambda a: x.index_fill(0, rows, a),
    "index_add": lambda a: x.index_add(0, rows, y, alpha=a),
    "scatter": lambda a: x.scatter(1, rows[:, None], a),
    "assignment": lambda a: _assigned(x, a),
    "where": lambda a: rg.where(mask, x, a),
    "nan_to_num": lambda a: rg.nan_to_num(x, a),
    "isclose": lambda a: rg.isclose(x, y, a, a),
    "quantile": lambda a: rg.quantile(x, a / 10),
    "norm": lambda a: x.norm(a + 3.1),
    "var": lambda a: x.var(1, correction=a),
    "std": lambda a: x.std(correction=a),
    "var_mean": lambda a: rg.var_mean(x, 0, correction=a)[0],
    "std_mean": lambda a: rg.std_mean(x, 0, correction=a)[0],
    "cdist": lambda a: rg.cdist(x, y, p=a + 3.1),
    "renorm": lambda a: rg.renorm(x, 2, 0, a),
    "logit": lambda a: rg.logit(x / 2, a / 10),
    "xlogy": lambda a: rg.xlogy(x, a),
    "leaky_relu": lambda a: F.leaky_relu(x, a),
    "elu": lambda a: F.elu(x, a),
    "celu": lambda a: F.celu(x, a),
    "softplus": lambda a: F.softplus(x, a, 20 * a),
    "threshold": lambda a: F.threshold(x, a, a),
    "hardtanh": lambda a: F.hardtanh(x, -a, a),
    "hardshrink": lambda a: F.hardshrink(x, a),
    "softshrink": lambda a: F.softshrink(x, a),
    "rrelu": lambda a: F.rrelu(x, a / 10, a, training=True),
    "gumbel_softmax": lambda a: F.gumbel_softmax(x, tau=a),
    "dropout": lambda a: F.dropout(x, a / 10),
    "alpha_dropout": lambda a: F.alpha_dropout(x, a / 10),
    "layer_norm": lambda a: F.layer_norm(x, (5,), eps=a),
    "rms_norm": lambda a: F.rms_norm(x, (5,), eps=a),
    "batch_norm": lambda a: F.batch_norm(images, rg.zeros(3), rg.ones(3), training=True, momentum=a / 10, eps=a),
    "group_norm": lambda a: F.group_norm(images, 3, eps=a),
    "instance_norm": lambda a: F.instance_norm(images, eps=a),
    "local_response_norm": lambda a: F.local_response_norm(images, 2, a, a, a),
    "normalize": lambda a: F.normalize(x, eps=a),
    "cosine_similarity": lambda a: F.cosine_similarity(x, y, eps=a),
    "pairwise_distance": lambda a: F.pairwise_distance(x, y, eps=a),
    "attention": lambda a: F.scaled_dot_product_attention(images, images, images, scale=a),
    "pad": lambda a: F.pad(x, (1, 1), value=a),
    "embedding": lambda a: F.embedding(rows, square, max_norm=a),
    "huber_loss": lambda a: F.huber_loss(x, y, delta=a),
    "smooth_l1_loss": lambda a: F.smooth_l1_loss(x, y, beta=a),
    "cross_entropy": lambda a: F.cross_entropy(x, rows, label_smoothing=a / 10),
    "gaussian_nll_loss": lambda a: F.gaussian_nll_loss(x, y, y, eps=a),
    "poisson_nll_loss": lambda a: F.poisson_nll_loss(x, y, log_input=False, eps=a),
    "margin_ranking_loss": lambda a: F.margin_ranking_loss(x, y, mask * 2.0 - 1.0, margin=a),
    "triplet_margin_loss": lambda a: F.triplet_margin_loss(x, y, x * 2.0, margin=a),
    "hinge_embedding_loss": lambda a: F.hinge_embedding_loss(x, mask * 2.0 - 1.0, margin=a),
    "cosine_embedding_loss": lambda a: F.cosine_embedding_loss(x, y, rg.ones(4), margin=a / 10),
    "multi_margin_loss": lambda a: F.multi_margin_loss(x, rows, margin=a),
    "roll": lambda a: x.roll(int(10 * a), 1),
    "an index": lambda a: x[int(4 * a) % 4] * 2.0,
    "an index of an axis": lambda a: x[:, int(5 * a) % 5] * 2.0,
    "narrow": lambda a: x.narrow(1, int(3 * a) % 3, 2) * 2.0,
}
NUMBERS = (0.61, 0.7, 0.8, 0.3, 1.7, 2.6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_with_a_number(name: str) -> None:
    function = FUNCTIONS[name]
    for number in (0.5, 0.51, 0.52):
        function(number).tolist()
    with new_structures() as count:
        for number in NUMBERS:
            function(number).tolist()
        assert count() == 0


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1},
    "Adam": {"weight_decay": 0.1},
    "AdamW": {},
    "RMSprop": {"momentum": 0.5, "weight_decay": 0.1},
    "Adagrad": {"lr_decay": 0.1, "weight_decay": 0.1},
    "NAdam": {"weight_decay": 0.1},
    "RAdam": {"weight_decay": 0.1},
    "Adamax": {"weight_decay": 0.1},
    "Adadelta": {"weight_decay": 0.1},
    "ASGD": {"weight_decay": 0.1},
    "Rprop": {},
    "Adafactor": {},
    "Muon": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_whose_numbers_all_change(name: str) -> None:
    w = rg.ones(3, 3, requires_grad=True)
    optimizer = getattr(rg.optim, name)([w], **OPTIMIZERS[name])
    options = optimizer.param_groups[0]
    numbers = {key: value for key, value in options.items() if isinstance(value, (float, tuple)) and value}

    def step(count: int) -> None:
        for key, value in numbers.items():
            factor = 1 - count * 1e-3
            options[key] = value * factor if isinstance(value, float) else _nearer_to_one(value, factor)
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()

    for count in range(8):
        step(count)
    with new_structures() as structures:
        for count in range(10):
            step(count)
        assert structures() == 0


def _nearer_to_one(values: tuple[Any, ...], factor: float) -> tuple[Any, ...]:
    """Each changed, those below 1 downward and those above 1 upward: decays and factors stay in their ranges."""
    return tuple(v if v is None else v * factor if v < 1 else v / factor for v in values)
