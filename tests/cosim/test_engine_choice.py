"""The choice of a token in Verilator: the first of the largest logits, and noise that makes it a draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import engine_graphs
import numpy as np
import pytest
from engine_bench import EngineUnit, UnitBench, at, flipped, pack, unpack, words

import boards
from accel.engine import latency, timing
from accel.engine.interpreter import Interpreter
from accel.engine.isa import EngineProgram
from accel.engine.sampling import GumbelNoise, drawn
from accel.errors import UserError
from accel.verbs.engine import checking, making
from accel.verbs.engine.making import Wanted
from hls.engine import emit, simulate

# ---- the largest logit, and noise in front of it


@dataclass(frozen=True)
class ArgmaxCase:
    lanes: int
    bits: int
    vocabulary: int

    @property
    def blocks(self) -> int:
        return -(-self.vocabulary // self.lanes)

    @property
    def widths(self) -> tuple[int, int]:
        """Of a block's number and of a row's."""
        return max(1, (self.blocks - 1).bit_length()), max(1, (self.vocabulary - 1).bit_length())

    def unit(self) -> EngineUnit:
        block, index = self.widths
        params: dict[str, int | str] = {
            "P": self.lanes, "W": self.bits, "IW": index, "BW": block, "VOCABULARY": self.vocabulary,
        }  # fmt: skip
        inputs = {"valid": 1, "first": 1, "ends": 1, "block": block, "values": self.lanes * self.bits}
        return EngineUnit("accel_engine_argmax", params, inputs, {"index": index})


ARGMAXES = [
    ArgmaxCase(8, 20, 27), ArgmaxCase(16, 48, 100), ArgmaxCase(1, 12, 5), ArgmaxCase(4, 9, 16), ArgmaxCase(2, 62, 7),
]  # fmt: skip


def test_the_first_of_the_largest_logits(tmp_path: Path) -> None:
    units = [case.unit() for case in ARGMAXES]
    bench = UnitBench(tmp_path, units)
    bench.lint()
    rows, ends = [], []
    for number, case in enumerate(ARGMAXES):
        rng, tokens, pause = np.random.default_rng(number), 100, 4
        top = 1 << (case.bits - 1)
        span = rng.choice([1, 3, top], (tokens, 1, 1))
        logits = rng.integers(-span, span, (tokens, case.blocks, case.lanes))
        logits[0], logits[1] = -top, top - 1
        period = case.blocks + pause
        values = rng.integers(-top, top, (tokens, period, case.lanes))  # between tokens: what must not matter
        values[:, : case.blocks] = logits
        time = np.tile(np.arange(period), tokens)
        rows.append({
            "valid": pack(time < case.blocks, 1), "first": pack(time == 0, 1),
            "ends": pack(time >= case.blocks - 1, 1), "block": pack(np.minimum(time, case.blocks - 1), case.widths[0]),
            "values": pack(values.reshape(-1, case.lanes), case.bits),
        })  # fmt: skip
        best = logits.reshape(tokens, -1)[:, : case.vocabulary].argmax(-1)
        ends.append((np.arange(tokens - 1) * period + case.blocks - 1, best[:-1]))
    for case, (cycles, best), result in zip(ARGMAXES, ends, bench.run(rows), strict=True):
        found = unpack(result["index"], case.widths[1])[:, 0]
        np.testing.assert_array_equal(at(found, cycles, latency.argmax(case.lanes)), best, str(case))
        np.testing.assert_array_equal(at(found, cycles, 4), best, "the index stays")
        assert (at(found, cycles, latency.argmax(case.lanes) - 1) != best).any()


def test_noise_is_that_of_the_definition(tmp_path: Path) -> None:
    lanes, bits, blocks, seed = 4, 20, 5, 0xDEADBEEF
    noise = GumbelNoise.of(0.8, 1 / 256)
    params: dict[str, int | str] = {
        "P": lanes, "XW": bits, "W": 24, "PW": 6, "NW": 12, "UP": noise.up, "BLOCK": 1, "FILE": "noise.hex",
    }  # fmt: skip
    inputs = {"start": 1, "position": 6, "seed": 32, "enable": 1, "valid": 1, "values": lanes * bits}
    files = {"noise.hex": words(noise.words, 12)}
    unit = EngineUnit("accel_engine_noise", params, inputs, {"sums": lanes * 24}, files)
    bench = UnitBench(tmp_path, [unit])
    bench.lint()
    tokens, period, first = 40, 40, 20
    rng = np.random.default_rng(0)
    time, position = np.tile(np.arange(period), tokens), np.repeat(np.arange(tokens), period)
    values = rng.integers(-(1 << 19), 1 << 19, (tokens * period, lanes))
    valid = (time >= first) & (time < first + 2 * blocks) & (time % 2 == 0)
    enable = position != 7
    rows = {
        "start": pack(time == 0, 1), "position": pack(position, 6), "seed": pack(np.full(len(time), seed), 32),
        "enable": pack(enable, 1), "valid": pack(valid, 1), "values": pack(values, bits),
    }  # fmt: skip
    cycles = np.flatnonzero(valid)
    more = np.stack([noise.rows(p, blocks * lanes, lanes, seed) for p in range(tokens)])
    more[7] = 0
    expected = values[cycles] + more.reshape(-1, lanes)

    def wrong(early: int = 0) -> int:
        found = unpack(bench.run([rows])[0]["sums"], 24, signed=True)
        return int((at(found, cycles[:-4], latency.NOISE - early) != expected[:-4]).any(1).sum())

    assert wrong() == 0
    assert wrong(early=1)
    flipped(tmp_path, "noise.hex", 5, 0)
    assert wrong()


def test_noise_draws_from_the_softmax() -> None:
    logits = np.array([0, 100, 300, 500, 512, -400])
    noise, counts = GumbelNoise.of(1.5, 1 / 128), np.zeros(6)
    for position in range(6000):
        counts[noise.choose(logits, position, 8, 5)] += 1
    expected = np.exp(logits / 128 / 1.5)
    expected *= 6000 / expected.sum()
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # one in a thousand of chi square with 5 degrees
    assert noise.choose(logits, 3, 8, 5) == noise.choose(logits, 3, 8, 5)
    assert noise.choose(logits, 3, 8, 0) == 4


def test_noise_refuses_what_is_not_positive() -> None:
    with pytest.raises(UserError, match="finite, above 0; got 0 and 1"):
        GumbelNoise.of(0, 1)


@cache
def with_draws(seed: int = 0) -> Wanted:
    """The wish for an engine that draws tokens, at a temperature that is the spread of its logits."""
    graph, plain = engine_graphs.drawn(seed), Wanted(products=32)
    spread = Interpreter(making.program(graph, plain)).step(1, 0).logits.std()
    return replace(plain, temperature=spread * graph.output_tensor.scale)


@cache
def drawing(seed: int = 0) -> EngineProgram:
    return making.program(engine_graphs.drawn(seed), with_draws(seed))


@pytest.mark.parametrize("graph", [0, 1, 2])
def test_an_engine_draws_what_the_definition_draws(graph: int) -> None:
    """Logits of these graphs are sums, or products with a multiplier."""
    program, seeds = drawing(graph), (1, 2, 0, 65535, 2)
    tokens = np.arange(program.sizes.context) % program.sizes.vocabulary
    requests = [(int(token), place, seed) for seed in seeds for place, token in enumerate(tokens)]
    found, interpreter = simulate.run(emit.design(program), requests), Interpreter(program)
    steps = [interpreter.step(*request) for request in requests]
    chosen = found.tokens.ravel().reshape(len(seeds), -1)
    assert chosen.ravel().tolist() == [step.token for step in steps]
    assert chosen[2].tolist() == [int(step.logits.argmax()) for step in steps[: len(tokens)]]
    assert len({tuple(row) for row in chosen.tolist()}) == 4
    expected = [timing.cycles(program, place) for _, place, _ in requests]
    assert found.cycles.ravel().tolist() == expected


def test_every_level_draws_the_same_tokens() -> None:
    outcomes = checking.check(engine_graphs.drawn(0), wanted=with_draws(), seed=3)
    assert not [outcome for outcome in outcomes if outcome.mismatches]


def test_a_seed_asks_for_a_draw() -> None:
    design, prompt, count = emit.design(drawing()), [1, 2], drawing().sizes.context - 1
    with boards.connect(design, "virtual") as device:
        drawn = list(device.generate(prompt, count, seed=7))
        assert list(device.generate(prompt, count, seed=7)) == drawn
        assert list(device.generate(prompt, count)) != drawn
        with pytest.raises(UserError, match=r"seed 65536 is not one of 0\.\.65535, of which 0 asks for the likeliest"):
            device.generate(prompt, count, seed=65536)


def test_a_newer_text_ends_an_older_one() -> None:
    with boards.connect(emit.design(drawing()), "virtual") as device:
        alone = list(device.generate([1, 2], 3, seed=6))
        older = device.generate([2, 1], 3, seed=5)
        next(older)
        assert list(device.generate([1, 2], 3, seed=6)) == alone
        with pytest.raises(UserError, match="a board holds one text: a newer one has begun"):
            next(older)


def test_seeds_and_temperatures_that_are_none_are_refused() -> None:
    engine, other = Interpreter(drawing()), Interpreter(drawing())
    small = [engine.step(np.uint8(1), np.uint8(place), np.uint8(5)).token for place in range(3)]  # type: ignore[arg-type]
    assert small == [other.step(1, place, 5).token for place in range(3)]
    for seed in (-1, 65536):
        with pytest.raises(UserError, match=rf"seed {seed} is not one of 0\.\.65535"):
            engine.step(1, 0, seed)
    with pytest.raises(UserError, match="is too high for logits in steps of"):
        GumbelNoise.of(1e15, 1e-3)
    for wrong in ({"pe": 0, "simd": 0}, {"products": "64"}, {"products": True}, {"temperature": float("nan")}):
        with pytest.raises(UserError, match=r"; give (at least 1|a whole number|a finite number above 0)"):
            Wanted(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="an array has at most 65,536 products"):
        making.program(drawing().network.graph, Wanted(pe=1, simd=1 << 20))


def test_what_cannot_be_drawn_is_refused() -> None:
    design = emit.design(making.program(engine_graphs.drawn(0), Wanted(products=32)))
    with boards.connect(design, "virtual") as device, pytest.raises(UserError, match="takes no seed: `accel lower"):
        device.generate([1], 1, seed=1)


def test_a_host_chooses_from_logits() -> None:
    """Seed 0 takes the likeliest token, as one to draw from does; others draw, the same each time."""
    graph, prompt = engine_graphs.drawn(0), [1, 2]
    program = making.program(graph, Wanted(products=32))
    design, count = emit.design(program, logits=True), graph.input.tokens - 1
    warm = float(Interpreter(program).step(1, 0).logits.std() * graph.output_tensor.scale)
    with boards.connect(emit.design(program), "virtual") as device:
        likeliest = list(device.generate(prompt, count))
        with pytest.raises(UserError, match="has no temperature and no top-k: `accel lower --logits`"):
            device.generate(prompt, count, top_k=3)
    with boards.connect(design, "virtual") as device:
        assert list(device.generate(prompt, count)) == likeliest
        assert list(device.generate(prompt, count, 5, top_k=1)) == likeliest
        some = [list(device.generate(prompt, count, seed, temperature=warm)) for seed in (5, 5, 6)]
        assert some[0] == some[1] != some[2] != likeliest
        wrongs = (
            (5, {"temperature": 0.0}, "the temperature is 0.0; give a finite number above 0"),
            (5, {"temperature": "1"}, "the temperature is '1'; give a finite number above 0"),
            (5, {"top_k": 0}, "top-k is 0; give at least 1"), (0, {"top_k": 3}, "give a seed from 1, too"),
            (np.array([5]), {}, "the seed is array.*give a whole number"),
        )  # fmt: skip
        for seed, wrong, why in wrongs:
            with pytest.raises(UserError, match=why):
                device.generate(prompt, count, seed, **wrong)


def test_a_draw_of_a_host_is_from_the_softmax() -> None:
    logits, rng = np.array([0.5, 2.0, 1.0, -3.0]), np.random.default_rng(0)
    counts = np.bincount([drawn(logits, 2.0, 3, rng) for _ in range(6000)], minlength=4)
    expected = np.exp(logits / 2) * [1, 1, 1, 0]
    expected *= 6000 / expected.sum()
    assert counts[3] == 0
    assert ((counts - expected)[:3] ** 2 / expected[:3]).sum() < 13.8  # one in a thousand with 2 degrees


def test_every_level_has_the_logits_that_leave() -> None:
    levels = ("reference", "program", "board")
    outcomes = checking.check(engine_graphs.drawn(0), levels, 4, Wanted(products=32, logits=True))
    assert [outcome.mismatches for outcome in outcomes] == [0, 0, 0]
    with pytest.raises(UserError, match="with --logits the host draws tokens"):
        Wanted(logits=True, temperature=1.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_logits_leave(seed: int) -> None:
    program = making.program(engine_graphs.drawn(seed), Wanted(products=32))
    design, interpreter = emit.design(program, logits=True), Interpreter(program)
    tokens = np.arange(program.sizes.context) % program.sizes.vocabulary
    requests = [(int(token), place) for place, token in enumerate(tokens)]
    found = simulate.run(design, requests).tokens
    np.testing.assert_array_equal(found, [interpreter.step(*request).logits for request in requests])
