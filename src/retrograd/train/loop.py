"""Captured loops: many training steps inside native code, over data in memory.

The user's step function is recorded on a batch that a program gathers by index. Once a step has come out as one
program, the steps that follow run natively: only the indices of the batch, the numbers of the optimizer, and the place
of the loss differ from step to step. What a step hands to the next is found by what two steps on end read and wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from retrograd.backends.base import RepeatableProgram
from retrograd.core import mode
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.dtype import float64, int64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.generator import default_generator
from retrograd.core.node import input_node
from retrograd.core.operation import composite, record
from retrograd.core.stream import STREAM_BYTES, StreamBuffer, streams_to_come
from retrograd.core.types import tensor_type
from retrograd.ops.indexing import take
from retrograd.optim.numbers import NumbersBuffer, packed
from retrograd.runtime import check
from retrograd.runtime.check import Plan
from retrograd.runtime.check_repeat import repeat_checked
from retrograd.runtime.evaluate import Evaluation, observed
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.storage import flush
from retrograd.tensor.tensor import tensor

Step = Callable[..., Any]

# Steps that one stretch of native code does at most: their indices and numbers are laid out beforehand.
_MOST_STEPS = 1 << 16


@composite("batch")
def BATCH(data: Any, index: Any) -> Any:
    """The rows of a batch."""
    return take(data, index)


def compile_loop(
    step: Step,
    arrays: Sequence[Any],
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    drop_last: bool = False,
) -> CapturedLoop:
    """A loop of training steps that runs inside native code.

    Args:
        step: takes one batch of each array, does a whole step (`zero_grad`, forward, `backward`, `step`) and returns
            the loss, a scalar tensor. It is called to record; what it does in Python besides happens only then. A step
            that changes learning rates, or that steps a scheduler, is called every time.
        arrays: tensors or NumPy arrays with equal first extents, the examples.
        batch_size: examples a step; None gives every step all of them.
        shuffle: draw a new order each epoch, from the library's generator.
        drop_last: leave out a last batch that is shorter.

    Raises:
        ShapeError: no arrays, or their first extents differ. OptionError: a batch size below 1.

    >>> import retrograd as rg
    >>> w = rg.zeros(1, requires_grad=True)
    >>> optimizer = rg.optim.SGD([w], lr=0.05)
    >>> def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = ((x * w - y) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x = rg.tensor([1.0, 2.0, 3.0, 4.0])
    >>> losses = rg.compile_loop(step, (x, 2 * x), batch_size=2).run(epochs=10)
    >>> len(losses), bool(losses[-1] < 1e-6), round(w.item(), 3)
    (20, True, 2.0)
    """
    return CapturedLoop(step, arrays, batch_size, shuffle, drop_last)


@dataclass(frozen=True)
class _Captured:
    """A step as one program: what it runs on, and which of its inputs move from step to step.

    Attributes:
        program, inputs, outputs: what is repeated. State lies in a buffer that is an input and an output.
        plan: what the program was compiled of.
        indices, numbers: places among the inputs of the batch's index, and of optimizers' numbers.
        streams: places of random streams, each with which one of the step's streams it is.
        streams_each: how many streams a step takes.
        loss: place of the loss among the outputs.
    """

    program: RepeatableProgram
    plan: Plan
    inputs: list[Buffer | Scalar]
    outputs: list[Buffer]
    indices: tuple[int, ...]
    numbers: tuple[int, ...]
    streams: tuple[tuple[int, int], ...]
    streams_each: int
    loss: int


class CapturedLoop:
    """Made by `compile_loop`.

    Attributes:
        steps_done: steps of all runs so far.
        captured: whether the steps run inside native code by now.
    """

    def __init__(
        self, step: Step, arrays: Sequence[Any], batch_size: int | None, shuffle: bool, drop_last: bool
    ) -> None:
        self._step = step
        self._arrays = [x.detach() if isinstance(x, TensorBase) else tensor(x) for x in arrays]
        sizes = {len(x) for x in self._arrays}
        if len(sizes) != 1:
            raise ShapeError(f"compile_loop: arrays must have equal first extents, and have {sorted(sizes)}")
        (self.size,) = sizes
        if batch_size is not None and batch_size < 1:
            raise OptionError(f"compile_loop: batch_size must be at least 1, and is {batch_size}")
        self.batch_size = self.size if batch_size is None else min(batch_size, self.size)
        self._whole = self.batch_size == self.size and not (shuffle and batch_size)
        self._shuffle, self._drop_last = shuffle, drop_last
        self._data = [x._read() for x in self._arrays]
        self._captured: _Captured | None = None
        # What the last recorded step of a whole batch came out as, and how many steps were done then.
        self._before: Evaluation | None = None
        self._done_before = 0
        self._carries: dict[int, int] | None = None  # what its program hands from step to step, if that is known
        # Whether the next step follows upon that one. Between two runs the user may have changed anything: a step is
        # taken for the next one then if it reads of the other what the program was seen to hand on.
        self._is_next = False
        self._order = np.zeros(0, np.int64)
        self.steps_done = 0

    @property
    def captured(self) -> bool:
        return self._captured is not None

    def run(self, *, steps: int | None = None, epochs: int | None = None) -> np.ndarray[Any, Any]:
        """Train for so many steps, or epochs; the loss of every step.

        Every run records its first step anew, so that what changed since (learning rates, the step function's own
        decisions, arrays that share a parameter's memory) is seen. Ctrl-C stops between two steps; parameters and
        optimizer then stand where the last whole step left them.

        Raises:
            OptionError: neither or both of `steps` and `epochs` are given, or a negative number.
        """
        if (steps is None) == (epochs is None):
            raise OptionError("run: give either steps or epochs")
        if (steps or epochs or 0) < 0:
            raise OptionError(f"run: steps and epochs must not be negative, and {steps or epochs} is")
        total = steps if steps is not None else (epochs or 0) * self.steps_per_epoch
        losses = np.zeros(total, np.float64)
        self._captured = None
        self._is_next = False
        done = 0
        while done < total:
            done += self._advance(losses[done:])
        return losses

    @property
    def steps_per_epoch(self) -> int:
        full, rest = divmod(self.size, self.batch_size)
        return full if self._drop_last or not rest else full + 1

    # -- one stretch of steps -----------------------------------------------------------------------------------------

    def _advance(self, losses: np.ndarray[Any, Any]) -> int:
        """Some steps: many native ones if the next batches are whole and a program is there, else one."""
        self._extend_order(min(len(losses), _MOST_STEPS))
        whole = len(losses) if self._whole else len(self._order) // self.batch_size
        if self._captured is not None and whole:
            done = self._replay(self._captured, losses[: min(whole, len(losses), _MOST_STEPS)])
        else:
            losses[0] = self._record()
            done = 1
            self._consume(1)
        return done

    def _extend_order(self, steps: int) -> None:
        """Have the order of the examples to come: of one epoch, or of several that follow without a rest."""
        used = self.size - self.size % self.batch_size if self._drop_last else self.size
        alone = self._whole or used % self.batch_size or self._captured is None
        epochs = 1 if alone else -(-steps * self.batch_size // used)
        if len(self._order) >= (1 if epochs == 1 else steps * self.batch_size):
            return
        if self._shuffle:
            orders = [default_generator.randperm(self.size)[:used] for _ in range(epochs)]
        else:
            orders = [np.tile(np.arange(used), epochs)]
        self._order = np.concatenate([self._order, *orders])

    def _consume(self, batches: int) -> None:
        self.steps_done += batches
        if not self._whole:
            self._order = self._order[batches * self.batch_size :]

    def _record(self) -> float:
        """One step through Python, watched for whether it comes out as one program."""
        positions = self._order[: self.batch_size]
        index = Buffer.copy_of(positions, tensor_type(positions.shape, int64))
        drawn, stream, calls = default_generator.words_drawn, default_generator.streams, mode.state.user_calls
        with observed() as seen:
            loss = self._step(*self._batch(index))
            flush()
        # Random numbers of the host would stand still in a program that is repeated; hooks would not be called.
        pure = default_generator.words_drawn == drawn and mode.state.user_calls == calls
        if len(positions) == self.batch_size:
            now = seen[0] if pure and len(seen) == 1 else None
            before, self._before = self._before, now
            steps, self._done_before = self.steps_done - self._done_before, self.steps_done
            # A program that has followed itself: the first step may differ from all others, by gradients that were
            # not there yet for one.
            if now is not None and before is not None and _follows(before, now, steps):
                self._captured = self._capture(before, now, loss, index, stream)
            self._is_next = True
        return float(loss.item())

    def _batch(self, index: Buffer) -> list[Any]:
        if self._whole:
            return list(self._arrays)
        return [wrap(record(BATCH, (data, input_node(index.type, index)))) for data in self._data]

    def _capture(self, before: Evaluation, now: Evaluation, loss: Any, index: Buffer, first: int) -> _Captured | None:
        """The step as a program that can be repeated, once it has its final form; `first` was its first stream."""
        node = loss._read()
        if not now.settled or not now.program.repeatable or node not in now.roots:
            return None
        carries = _carries(before, now, index)
        if not self._is_next and carries != self._carries:
            return None
        inputs, outputs = list(now.inputs), list(now.outputs)
        if carries is None or not all(any(x is y for y in inputs) for x in outputs[len(now.roots) :]):
            return None
        numbers = [(i, x) for i, x in enumerate(inputs) if isinstance(x, NumbersBuffer)]
        streams = [(i, x) for i, x in enumerate(inputs) if isinstance(x, StreamBuffer)]
        own_streams = all(x.generator is default_generator and x.number >= first for _, x in streams)
        if not own_streams:
            return None
        self._carries = carries
        for source, output in carries.items():
            inputs[source] = outputs[output]
        program, plan = now.program_with_carries(carries)
        return _Captured(
            cast(RepeatableProgram, program),
            plan,
            inputs,
            outputs,
            tuple(i for i, x in enumerate(inputs) if x is index),
            tuple(i for i, _ in numbers),
            tuple((i, x.number - first) for i, x in streams),
            default_generator.streams - first,
            now.roots.index(node),
        )

    def _replay(self, captured: _Captured, losses: np.ndarray[Any, Any]) -> int:
        program, count = captured.program, len(losses)
        inputs, outputs = list(captured.inputs), list(captured.outputs)
        moves: dict[int, int] = {}
        for place in captured.indices:
            order = self._order[: count * self.batch_size]
            inputs[place] = Buffer.copy_of(order, tensor_type(order.shape, int64))
            moves[place] = self.batch_size * 8
        sources = []
        for place in captured.numbers:
            source = inputs[place]
            assert isinstance(source, NumbersBuffer)
            sources.append(source)
            if source.later is not None:
                inputs[place] = _numbers_to_come(source, count)
                moves[place] = source.type.nbytes
        for place, number in captured.streams:
            first = default_generator.streams + number
            inputs[place] = streams_to_come(default_generator, first, captured.streams_each, count)
            moves[place] = STREAM_BYTES
        kept = outputs[captured.loss].type.dtype
        record_of_losses = Buffer(tensor_type((count,), kept))
        outputs[captured.loss] = record_of_losses
        program.runs_done = 0
        try:
            repeat = partial(repeat_checked, program, captured.plan) if check.state.is_on else program.repeat
            repeat(inputs, outputs, moves, {captured.loss: kept.itemsize}, count)
        finally:
            done = program.runs_done
            for source in sources:
                if source.advance is not None:
                    source.advance(done)
            default_generator.take_stream(done * captured.streams_each)
            losses[:done] = record_of_losses.array()[:done]
            self._consume(done)
        return done


def _follows(before: Evaluation, now: Evaluation, steps: int) -> bool:
    """Whether the same program ran as so many steps before, and with the numbers that were foreseen then: nothing but
    the optimizers themselves has changed them, before or after their update.
    """
    return now.program is before.program and all(
        _foreseen(old, steps) and _foreseen(new, 0) and (new.later is not None or old.content() == new.content())
        for old, new in zip(before.inputs, now.inputs, strict=True)
        if isinstance(old, NumbersBuffer) and isinstance(new, NumbersBuffer)
    )


def _foreseen(numbers: NumbersBuffer, steps: int) -> bool:
    """Whether an optimizer would still have had these numbers so many steps ago."""
    return numbers.later is None or packed(numbers.later(-steps)) == numbers.content()


def _carries(before: Evaluation, now: Evaluation, index: Buffer) -> dict[int, int] | None:
    """State that a step hands to the next one, found by what two steps on end read and wrote.

    Returns:
        For each input that the step before made anew, the number of that output. None if an input changed in a way
        that is not known here: a program that is repeated would not see that.
    """
    made = {id(buffer): number for number, buffer in enumerate(before.outputs)}
    carries: dict[int, int] = {}
    for place, (old, new) in enumerate(zip(before.inputs, now.inputs, strict=True)):
        if new is old or new is index or isinstance(new, NumbersBuffer | StreamBuffer):
            continue
        if id(new) in made:
            carries[place] = made[id(new)]
        elif not (isinstance(new, Scalar) and isinstance(old, Scalar) and _same(old.value, new.value)):
            return None
    return carries


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (a == b or (a != a and b != b))


def _numbers_to_come(source: NumbersBuffer, count: int) -> Buffer:
    """The numbers of the next `count` steps, one after another."""
    assert source.later is not None
    content = b"".join(packed(source.later(i + 1)) for i in range(count))
    buffer = Buffer(tensor_type((len(content) // 8,), float64))
    buffer.write(content)
    return buffer
