"""Quantization levers: corrections after calibration, accumulators of a given width, bits per layer under a budget."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

import models
from accel import onnx_import, reference
from accel.errors import UserError
from accel.graph import Graph
from models import mixed
from models.accumulators import onto_l1_balls
from models.config import EncoderConfig
from models.corrections import correct, equalize
from models.data import Split
from models.encoder import Encoder
from models.exporting import check_accumulators
from models.quantization import quantize, settle
from models.recipe import Pruning, Recipe

SMALL = EncoderConfig(tokens=4, features=8, classes=3, channels=16, heads=4, layers=1, hidden=16, weight_bits=3)
SHORT = Recipe(model=SMALL, float_epochs=6, quant_epochs=0, batch=64)
CORRECTIONS = [("equalize",), ("gptq",), ("gpfq",), ("bias",), ("equalize", "gptq", "bias")]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """More only wait for each other on such small tensors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def split() -> Split:
    """The middle rows of the digits 0, 1 and 2: 4 tokens × 8 features."""
    data = models.data.load("digits")
    train, test = data.train_y < 3, data.test_y < 3
    return Split(data.train_x[train][:, 2:6], data.train_y[train], data.test_x[test][:, 2:6], data.test_y[test])


@pytest.fixture(scope="module")
def plain(split: Split) -> models.Trained:
    return models.train(SHORT, split=split)


def graph_of(model: Encoder, folder: Path) -> Graph:
    return onnx_import.load(models.export(model, folder / "model.onnx"))


def assert_exact(model: Encoder, x: torch.Tensor, graph: Graph) -> None:
    """What torch evaluates are the integers of the graph."""
    steps = models.logits(model, x).numpy() / np.asarray(graph.output_tensor.scale)
    integers = reference.quantize(graph, x.reshape(len(x), graph.input.tokens, graph.input.channels).numpy())
    assert np.array_equal(steps.reshape(len(x), *graph.output_tensor.shape), reference.run(graph, integers))
    assert len(np.unique(steps)) > 10


def network_of(config: EncoderConfig) -> Encoder:
    """A float network of random weights, biases and gammas, in eval mode."""
    torch.manual_seed(0)
    network = Encoder(replace(config, quantized=False))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    return network.eval()


# ---- corrections


@pytest.mark.parametrize("corrections", CORRECTIONS, ids="+".join)
def test_a_correction_changes_parameters_and_stays_exact(
    corrections: tuple[str, ...], plain: models.Trained, split: Split, tmp_path: Path
) -> None:
    corrected = models.train(replace(SHORT, corrections=corrections), split=split)
    before, after = plain.model.state_dict(), corrected.model.state_dict()
    assert before.keys() == after.keys()
    changed = {name.rpartition(".")[2] for name in before if not torch.equal(before[name], after[name])}
    assert ("weight" in changed) == (corrections != ("bias",))
    assert ("bias" in changed) == bool({"equalize", "bias"} & set(corrections))
    assert_exact(corrected.model, split.test_x, graph_of(corrected.model, tmp_path))
    loaded = models.load(models.save(corrected, tmp_path / "model.pt"))
    assert torch.equal(models.logits(loaded.model, split.test_x), models.logits(corrected.model, split.test_x))
    assert corrected.quantized_accuracy > 0.6  # chance: 1/3


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"activation": "gelu"},
        {"rank": 3},
        {"heads": 4, "kv_heads": 2},
        {"shared": True, "layers": 2},
        {"weight_bits": 2, "per_channel": True, "learned_scales": True},
        {"bits_of": (("blocks.0.feed_forward.up", 1),)},
        {"vocabulary": 7, "classes": 7, "causal": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["gptq", "gpfq"])
def test_corrected_networks_of_all_kinds_are_exact(mode: str, change: dict, tmp_path: Path) -> None:
    config = replace(SMALL, **change)
    network = network_of(config)
    x = torch.randint(0, 7, (64, 4)) if config.vocabulary else torch.randn(64, 4, 8)
    model = quantize(network, x, equalized=True)
    weights = {name: value.clone() for name, value in model.named_parameters()}
    correct(model, x, [mode, "bias"])
    settle(model, x)
    assert not any(
        torch.equal(value, weights[name]) for name, value in model.named_parameters() if name.endswith("query.weight")
    )
    assert_exact(model, x, graph_of(model, tmp_path))


@pytest.mark.parametrize(
    "change", [{}, {"activation": "gelu"}, {"rank": 3}, {"kv_heads": 2}, {"shared": True, "layers": 2}], ids=str
)
def test_equalisation_keeps_the_function(change: dict) -> None:
    network = network_of(replace(SMALL, **change))
    equal, x = copy.deepcopy(network).eval(), torch.randn(16, 4, 8)
    equalize(equal)
    torch.testing.assert_close(equal(x), network(x), rtol=1e-4, atol=1e-5)
    assert any(not torch.equal(a, b) for a, b in zip(equal.parameters(), network.parameters(), strict=True))
    if not change:
        for block in equal.layers:
            for writer, reader in ((block.attention.value, block.attention.out),
                                   (block.feed_forward.up, block.feed_forward.down)):  # fmt: skip
                torch.testing.assert_close(writer.weight.abs().amax(1), reader.weight.abs().amax(0))


@pytest.mark.parametrize("mode", ["gptq", "gpfq"])
def test_roundings_make_up_for_each_other(mode: str) -> None:
    """A Dense's output is nearer to the float one than with the nearest integers, whose scales are no larger."""
    network, x = network_of(SMALL), torch.randn(512, 4, 8)
    nearest, chosen = quantize(network, x), quantize(network, x)
    correct(chosen, x, [mode])
    errors = []
    for model in (nearest, chosen):
        layer, seen = model.blocks[0].attention.query, []
        handle = layer.register_forward_pre_hook(lambda module, args, seen=seen: seen.append(args[0].value.detach()))
        model(x)
        handle.remove()
        wanted = functional.linear(seen[0], nearest.blocks[0].attention.query.weight)
        errors.append((functional.linear(seen[0], layer.quant_weight().value) - wanted).square().mean().item())
        assert layer.quant_weight().scale <= nearest.blocks[0].attention.query.quant_weight().scale
    assert errors[1] < errors[0]


def test_biases_make_up_for_what_rounding_shifts() -> None:
    network, x = network_of(SMALL), torch.rand(512, 4, 8)
    shifts = []
    for corrections in ((), ("bias",)):
        model = quantize(network, x)
        correct(model, x, corrections)
        shifts.append((models.logits(model, x).mean(0) - models.logits(network, x).mean(0)).abs().max().item())
    assert shifts[1] < shifts[0] / 2


def test_both_choices_of_roundings_are_refused() -> None:
    with pytest.raises(UserError, match=r"gptq and gpfq both choose the roundings; take one of them"):
        Recipe(corrections=("gptq", "gpfq"))


# ---- accumulators


def widths(graph: Graph) -> list[int]:
    """Bits of the sums of every inner Dense."""
    return [graph.tensors[node.name].width for node in graph if node.op.kind == "dense" and "blocks" in node.name]


@pytest.mark.parametrize(
    ("bits", "change"),
    [
        (12, {}),
        (10, {"per_channel": True}),
        (11, {"weight_bits": 8, "norm": "none"}),
        (11, {"rank": 3, "activation": "gelu"}),
        (12, {"shared": True, "layers": 2, "narrow": False}),
        (12, {"norm": "batch"}),
        (9, {"act_bits": 6}),
    ],
)
def test_no_sum_is_wider_than_the_accumulator(bits: int, change: dict, split: Split, tmp_path: Path) -> None:
    config = replace(SMALL, **change)
    model = quantize(network_of(replace(config, accumulator_bits=bits)), split.train_x)
    graph = graph_of(model, tmp_path)
    assert max(widths(graph)) <= bits < max(widths(graph_of(quantize(network_of(config), split.train_x), tmp_path)))
    assert_exact(model, split.test_x, graph)
    check_accumulators(model)


def test_training_stays_inside_the_accumulator(split: Split, tmp_path: Path) -> None:
    recipe = replace(SHORT, model=replace(SMALL, accumulator_bits=12), quant_epochs=6)
    trained = models.train(recipe, split=split)
    graph = graph_of(trained.model, tmp_path)
    assert max(widths(graph)) == 12
    assert all(node.op.weight.magnitude for node in graph if node.op.kind == "dense")
    assert_exact(trained.model, split.test_x, graph)
    assert trained.quantized_accuracy > 0.6


def test_corrections_and_masks_stay_inside_the_accumulator(split: Split, tmp_path: Path) -> None:
    recipe = replace(SHORT, model=replace(SMALL, accumulator_bits=11), corrections=("equalize", "gptq", "bias"))
    masked = replace(recipe, pruning=Pruning(kept=2, group=4), quant_epochs=2)
    for each in (recipe, masked):
        assert max(widths(graph_of(models.train(each, split=split).model, tmp_path))) <= 11


def test_a_sum_that_is_too_wide_is_refused(split: Split) -> None:
    model = quantize(network_of(replace(SMALL, accumulator_bits=11)), split.train_x)
    with torch.no_grad():
        model.blocks[0].feed_forward.down.weight[3] += 1
    with pytest.raises(
        UserError, match=r"blocks.0/feed_forward/down/MatMul: sums take 1\d bits, EncoderConfig.accumulator_bits is 11"
    ):
        check_accumulators(model)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"accumulator_bits": 9}, r"accumulator_bits is 0, or at least act_bits \+ 2 \(10\).*; got 9"),
        ({"accumulator_bits": 33}, r"accumulator_bits is 0..32; got 33"),
        ({"accumulator_bits": 16, "weight_bits": 1}, r"binary weights have no zero"),
    ],
)
def test_unfit_accumulators_are_refused(change: dict, text: str) -> None:
    with pytest.raises(UserError, match=text):
        replace(SMALL, **change)


def test_the_projection_is_the_nearest_point() -> None:
    """Against bisection of the threshold, which the optimality conditions give."""
    torch.manual_seed(0)
    rows = torch.randn(50, 7, dtype=torch.float64) * 3
    radius = torch.arange(50, dtype=torch.float64) / 4
    found = onto_l1_balls(rows, radius)
    for row, r, got in zip(rows, radius, found, strict=True):
        low, high = 0.0, float(row.abs().max())
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if (row.abs() - middle).clamp(min=0).sum() > r else (low, middle)
        threshold = 0.0 if row.abs().sum() <= r else high
        torch.testing.assert_close(got, row.sign() * (row.abs() - threshold).clamp(min=0), rtol=0, atol=1e-9)


# ---- bits per layer


@pytest.fixture(scope="module")
def sensitive() -> tuple[Encoder, Split]:
    """A network with one layer that needs many bits: a large weight that nobody reads takes the scale from the others.

    The labels are what the float network says.
    """
    network = network_of(SMALL)
    with torch.no_grad():
        network.blocks[0].feed_forward.up.weight[0, 0] = 8.0
        network.blocks[0].feed_forward.down.weight[:, 0] = 0
        network.blocks[0].feed_forward.down.weight.mul_(4)
        x = torch.randn(128, 4, 8)
        y = network(x).argmax(-1)
    return network, Split(x, y, x, y)


def test_bits_go_where_the_loss_needs_them(sensitive: tuple[Encoder, Split]) -> None:
    network, split = sensitive
    sizes = mixed.layers(network)
    assert sum(sizes.values()) == 4 * 256 + 2 * 256
    budget = 4 * sum(sizes.values())
    bits = mixed.search(network, split, budget, widths=(2, 4, 8))
    chosen, uniform = (quantized(network, split, of) for of in (bits, tuple((name, 4) for name in sizes)))
    assert mixed.weight_bits(chosen) <= budget == mixed.weight_bits(uniform)
    assert dict(bits)["blocks.0.feed_forward.up"] == 8
    assert loss(chosen, split) < loss(uniform, split)
    assert bits == mixed.search(network, split, budget, widths=(2, 4, 8))


def quantized(network: Encoder, split: Split, bits: mixed.BitsOf) -> Encoder:
    other = Encoder(replace(network.config, bits_of=bits))
    other.load_state_dict(network.state_dict())
    return quantize(other.eval(), split.train_x)


def loss(model: Encoder, split: Split) -> float:
    return functional.cross_entropy(models.logits(model, split.train_x), split.train_y).item()


def test_a_shared_study_refines_the_choice(
    sensitive: tuple[Encoder, Split], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, split = sensitive
    budget, widths = 3 * sum(mixed.layers(network).values()), (2, 4, 8)

    def found(trials: int, name: str = "", seed: int = 0) -> mixed.BitsOf:
        storage = f"sqlite:///{tmp_path}/{name}.db" if name else None
        return mixed.search(network, split, budget, widths=widths, trials=trials, storage=storage, seed=seed)

    first = found(0)
    monkeypatch.setattr(mixed._WidthSearch, "by_sensitivity", lambda task: dict(first))  # every machine starts there
    refined = found(4)
    losses = [loss(quantized(network, split, bits), split) for bits in (first, refined)]
    assert losses[1] <= losses[0]
    assert mixed.weight_bits(quantized(network, split, refined)) <= budget
    assert found(4, "one") == refined
    found(2, "one", seed=1)
    assert loss(quantized(network, split, found(1, "one", seed=2)), split) <= losses[1]
    with pytest.raises(UserError, match=r"study 'bits' has another budget, other widths or layers"):
        mixed.search(network, split, budget + 1, widths=widths, trials=1, storage=f"sqlite:///{tmp_path}/one.db")


def test_a_cost_of_the_callers_own_is_kept(sensitive: tuple[Encoder, Split], tmp_path: Path) -> None:
    """Sums' bits in the integer graph, as a cost model of hardware reads them."""
    network, split = sensitive

    def cost(model: Encoder) -> float:
        return sum(widths(graph_of(model, tmp_path)))

    most = cost(quantized(network, split, tuple((name, 8) for name in mixed.layers(network))))
    bits = mixed.search(network, split, most - 10, cost=cost, widths=(2, 8))
    assert cost(quantized(network, split, bits)) <= most - 10
    assert 8 in dict(bits).values()


def test_a_budget_below_the_fewest_bits_is_refused(sensitive: tuple[Encoder, Split]) -> None:
    with pytest.raises(UserError, match=r"the fewest bits \(2\) cost 3072, above the budget of 3000"):
        mixed.search(*sensitive, 3000, widths=(2,))
