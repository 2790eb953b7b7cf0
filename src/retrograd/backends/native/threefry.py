"""Threefry-2x32 in vectors; `core/threefry.py` has the same in NumPy, and the source."""

from __future__ import annotations

from retrograd.backends.native.ir import I32, I64, Function, Value
from retrograd.backends.native.vectors import like
from retrograd.core.threefry import PARITY, ROTATIONS, ROUNDS


def random_key(f: Function, seed: Value, stream: Value) -> Value:
    """The key of a stream of a seed."""
    high, low = _threefry(f, _halves(f, seed), _halves(f, stream))
    return f.convert("zext", high, like(high, I64)) << 32 | f.convert("zext", low, like(low, I64))


def random_bits(f: Function, key: Value, position: Value) -> Value:
    """32 bits at a position of a key's stream."""
    first, second = _threefry(f, _halves(f, key), _halves(f, position))
    return first ^ second


def _halves(f: Function, whole: Value) -> tuple[Value, Value]:
    """The high and the low words of 64-bit integers."""
    half = like(whole, I32)
    return f.convert("trunc", f.binary("lshr", whole, 32), half), f.convert("trunc", whole, half)


def _threefry(f: Function, key: tuple[Value, Value], counter: tuple[Value, Value]) -> tuple[Value, Value]:
    schedule = (*key, key[0] ^ key[1] ^ PARITY)
    x, y = counter[0] + key[0], counter[1] + key[1]
    for done in range(1, ROUNDS + 1):
        x = x + y
        y = f.intrinsic("fshl", y.type, y, y, ROTATIONS[(done - 1) % len(ROTATIONS)]) ^ x
        if done % 4 == 0:
            injection = done // 4
            x = x + schedule[injection % 3]
            y = y + (schedule[(injection + 1) % 3] + injection)
    return x, y
