"""Models: configuration, exactness of the evaluated network, training, checkpoints, export."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import models
from accel import onnx_import, reference
from accel.errors import UserError
from models.config import EncoderConfig
from models.data import Split
from models.encoder import Encoder
from models.quantization import fold_norms, quantize, settle
from models.recipe import Recipe
from models.training import Epoch, Trained

SMALL = EncoderConfig(tokens=4, features=8, classes=3, channels=8, heads=2, layers=1, hidden=8)
VARIANTS = {
    "small": SMALL,
    "rms, gelu, causal": replace(SMALL, norm="rms", activation="gelu", causal=True),
    "five tokens": replace(SMALL, tokens=5, features=3, channels=12, heads=3, hidden=20),
    "one token, one head": replace(SMALL, tokens=1, heads=1),
    "per channel": replace(SMALL, per_channel=True, layers=2),
    "no norm": replace(SMALL, norm="none"),
    "batch norm, silu": replace(SMALL, norm="batch", activation="silu", learned_scales=True),
    "hard swish": replace(SMALL, activation="hardswish"),
    "base 2": replace(SMALL, attention="base2", activation="relu2"),
    "relu attention": replace(SMALL, attention="relu", tokens=5),
    "shared keys": replace(SMALL, heads=4, kv_heads=2),
    "one key head": replace(SMALL, heads=4, kv_heads=1),
    "low rank": replace(SMALL, rank=3),
    "shared layers": replace(SMALL, layers=3, shared=True),
    "ternary": replace(SMALL, weight_bits=2, per_channel=True),
    "two bits": replace(SMALL, weight_bits=2, narrow=False),
    "binary": replace(SMALL, weight_bits=1),
    "mixed": replace(SMALL, bits_of=(("blocks.0.attention.query", 8), ("blocks.0.feed_forward.up", 1))),
    "language model": replace(SMALL, vocabulary=7, classes=7, causal=True),
    "deferred softmax": replace(SMALL, attention="deferred", norm="rms_table", causal=True),
    "deferred softmax of one head, shared": replace(SMALL, attention="deferred", kv_heads=1, channels=12),
    "normed embedding": replace(SMALL, norm="rms", embedded_norm=True, final_norm=False),
    "microGPT": replace(
        SMALL,
        vocabulary=7,
        classes=7,
        causal=True,
        attention="deferred",
        norm="rms_table",
        embedded_norm=True,
        final_norm=False,
        biases=False,
    ),
    "narrow": replace(SMALL, weight_bits=2, act_bits=3, edge_bits=4, activation="gelu", input_fraction=0),
}


def untrained(config: EncoderConfig) -> tuple[Encoder, torch.Tensor]:
    """A calibrated network with random weights, gammas and biases, and inputs for it."""
    model, x = _untrained(config)
    return copy.deepcopy(model), x


@cache
def _untrained(config: EncoderConfig) -> tuple[Encoder, torch.Tensor]:
    torch.manual_seed(0)
    network = Encoder(replace(config, quantized=False))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += torch.randn_like(parameter) * 0.1
    if config.norm == "batch":
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    x = torch.randn(32, config.tokens, config.features)
    if config.vocabulary:
        x = torch.randint(0, config.vocabulary, (32, config.tokens))
    return quantize(network.eval(), x), x


@pytest.fixture(scope="module")
def split() -> Split:
    """The middle rows of the digits 0, 1 and 2: 4 tokens × 8 features."""
    data = models.data.load("digits")
    train, test = data.train_y < 3, data.test_y < 3
    return Split(data.train_x[train][:, 2:6], data.train_y[train], data.test_x[test][:, 2:6], data.test_y[test])


@pytest.fixture(scope="module")
def trained(split: Split) -> Trained:
    return models.train(Recipe(model=SMALL, float_epochs=3, quant_epochs=2), split=split)


# ---- configuration


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tokens": 0}, r"EncoderConfig.tokens is 1..4096; got 0"),
        ({"channels": 30}, r"channels \(30\) must be a multiple of heads \(4\)"),
        ({"weight_bits": 9}, r"EncoderConfig.weight_bits is 1..8; got 9"),
        ({"act_bits": 2}, r"EncoderConfig.act_bits is 3..8; got 2"),
        ({"edge_bits": 1}, r"EncoderConfig.edge_bits is 2..8; got 1"),
        ({"input_fraction": -1}, r"EncoderConfig.input_fraction is 0..16; got -1"),
        ({"norm": "group"}, r"EncoderConfig.norm is one of layer, rms, rms_table, batch, none; got 'group'"),
        ({"activation": "elu"}, r"EncoderConfig.activation is one of relu, gelu, silu, relu2, hardswish; got 'elu'"),
        ({"attention": "relu", "causal": True}, r"attention 'relu' has no causal mask in hardware"),
        ({"shared": True, "norm": "none"}, r"shared layers need one scale at their inputs: use norm 'layer' or 'rms'"),
        ({"biases": False, "norm": "batch"}, r"norm 'batch' is folded into biases: use norm 'layer', 'rms' or"),
        ({"embedded_norm": True, "norm": "none"}, r"norm 'none' is folded into biases: use norm 'layer', 'rms' or"),
        ({"biases": False, "accumulator_bits": 16}, r"accumulator_bits bounds biases too: leave EncoderConfig.biases"),
        ({"kv_heads": 3}, r"heads \(4\) must be a multiple of kv_heads \(3\)"),
        ({"bits_of": (("head", 9),)}, r"EncoderConfig.weight_bits is 1..8; got 9"),
        ({"heads": "4"}, r"EncoderConfig.heads is of type int; got '4'"),
        ({"causal": 1}, r"EncoderConfig.causal is of type bool; got 1"),
    ],
)
def test_unfit_configurations_are_refused(change: dict, text: str) -> None:
    with pytest.raises(UserError, match=text):
        EncoderConfig(**change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch": 0}, r"Recipe.batch is above 0; got 0"),
        ({"quant_rate": -1.0}, r"Recipe.quant_rate is above 0; got -1.0"),
        ({"float_epochs": -1}, r"Recipe.float_epochs is at least 0; got -1"),
        ({"shift_probability": 1.5}, r"Recipe.shift_probability is 0..1; got 1.5"),
    ],
)
def test_unfit_recipes_are_refused(change: dict, text: str) -> None:
    with pytest.raises(UserError, match=text):
        Recipe(**change)


@pytest.mark.parametrize(("per_head", "scale"), [(1, 1), (2, 1), (4, 0.5), (8, 0.5), (16, 0.25), (64, 0.125)])
def test_scores_are_scaled_by_a_power_of_two(per_head: int, scale: float) -> None:
    assert EncoderConfig(channels=4 * per_head).score_scale == scale
    assert 1 <= scale * per_head**0.5 <= 2**0.5 + 1e-9


def test_the_public_names_stay_functions() -> None:
    for _ in range(2):  # a submodule of the same name would take the function's place after the first use
        assert all(callable(getattr(models, name)) for name in ("train", "export", "save", "load", "logits"))
    with pytest.raises(AttributeError, match="has no attribute 'tain'; there are Encoder, "):
        _ = models.tain


# ---- data


def test_digits_are_split_once_and_stratified() -> None:
    data, again = models.data.load("digits"), models.data.load("digits")
    assert (len(data.train_x), len(data.test_x)) == (1437, 360)
    assert torch.equal(data.test_x, again.test_x)
    assert torch.equal(data.train_x * 8, (data.train_x * 8).round())
    assert data.train_x.min() == -1
    assert data.train_x.max() == 1
    for digit in range(10):
        share = (data.train_y == digit).sum() / ((data.train_y == digit).sum() + (data.test_y == digit).sum())
        assert abs(share - 0.8) < 0.01


def test_validation_images_are_training_images() -> None:
    data = models.data.load("digits")
    known = {image.numpy().tobytes() for image in data.train_x}
    for fold in range(2):
        part = models.data.validation(data, fold)
        assert len(part.train_x) + len(part.test_x) == len(data.train_x)
        assert known.issuperset(image.numpy().tobytes() for image in torch.cat([part.train_x, part.test_x]))
    assert not torch.equal(part.test_x, models.data.validation(data, 0).test_x)


# ---- the network


@pytest.mark.parametrize("name", VARIANTS)
def test_the_evaluated_network_is_the_integer_graph(name: str, tmp_path: Path) -> None:
    model, x = untrained(VARIANTS[name])
    graph = onnx_import.load(models.export(model, tmp_path / "model.onnx"))
    steps = models.logits(model, x).numpy() / np.asarray(graph.output_tensor.scale)
    assert np.array_equal(steps, np.rint(steps))
    shape = (len(x), graph.input.tokens, graph.input.channels)
    integers = reference.quantize(graph, x.reshape(shape).numpy())
    assert np.array_equal(steps.reshape(len(x), *graph.output_tensor.shape), reference.run(graph, integers))
    assert len(np.unique(steps)) > 10


@pytest.mark.parametrize("config", [*VARIANTS.values(), EncoderConfig()], ids=[*VARIANTS, "default"])
def test_float32_computes_what_float64_computes(config: EncoderConfig) -> None:
    model, x = untrained(config)
    with torch.no_grad():
        assert torch.equal(model(x).double(), models.logits(model, x))
        assert torch.equal(torch.cat([model(one) for one in x[:4].split(1)]), model(x)[:4])


def test_logits_leave_the_model_as_it_was() -> None:
    model, x = untrained(SMALL)
    model.train()
    models.logits(model, x)
    assert model.training
    assert next(model.parameters()).dtype == torch.float32


def test_folding_the_norms_keeps_the_function() -> None:
    torch.manual_seed(0)
    network = Encoder(replace(SMALL, quantized=False, layers=2))
    norms = [module for name, module in network.named_modules() if name.rpartition(".")[2].startswith("norm")]
    assert len(norms) == 5
    for norm in norms:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    plain = Encoder(network.config)  # its own gammas are 1 and its betas 0
    plain.load_state_dict(fold_norms(network), strict=False)
    x = torch.randn(16, 4, 8)
    torch.testing.assert_close(plain(x), network(x), rtol=1e-4, atol=1e-5)


def test_a_causal_network_does_not_look_ahead() -> None:
    for causal in (True, False):
        model, x = untrained(replace(SMALL, causal=causal))
        seen = []
        model.blocks[0].register_forward_hook(lambda module, args, y, seen=seen: seen.append(y.value.detach()))
        changed = x.clone()
        changed[:, -1] = -changed[:, -1]
        model(x), model(changed)
        assert torch.equal(seen[0][:, :-1], seen[1][:, :-1]) == causal


def test_settling_makes_the_tables_for_the_present_scales() -> None:
    model, x = untrained(replace(SMALL, activation="gelu"))
    attention = model.blocks[0].attention
    before = float(attention.softmax.table_scale)
    with torch.no_grad():
        for name, parameter in attention.score_quant.named_parameters():
            assert name.endswith(".value")
            parameter += 1  # log2 of the scale
    settle(model, x)
    assert not model.training
    assert float(attention.softmax.table_scale) == 2 * before
    model(x)


# ---- training


def test_a_short_training_learns_something(trained: Trained) -> None:
    assert trained.float_accuracy > 0.6  # chance: 1/3
    assert trained.quantized_accuracy > 0.6
    assert not trained.model.training
    assert [(epoch.stage, epoch.number) for epoch in trained.history] == [
        ("float", 1), ("float", 2), ("float", 3), ("quantized", 1), ("quantized", 2)
    ]  # fmt: skip
    assert trained.history[2].loss < trained.history[0].loss


def test_training_repeats_and_leaves_no_trace(trained: Trained, split: Split) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    calls: list[tuple] = []
    again = models.train(trained.recipe, split=split, progress=lambda *call: calls.append(call))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert again.history == trained.history
    assert torch.equal(models.logits(again.model, split.test_x), models.logits(trained.model, split.test_x))
    assert [call[:3] for call in calls] == [
        ("float", 1, 3), ("float", 2, 3), ("float", 3, 3), ("quantized", 1, 2), ("quantized", 2, 2)
    ]  # fmt: skip
    assert calls[0][3] == f"loss {trained.history[0].loss:.3f}"


def test_seeds_differ(trained: Trained, split: Split) -> None:
    short = replace(trained.recipe, float_epochs=1, quant_epochs=0)
    first, second = (models.train(replace(short, seed=seed), split=split).history for seed in (1, 2))
    assert first != second


def test_models_that_do_not_fit_the_data_are_refused(split: Split) -> None:
    with pytest.raises(UserError, match=r"takes samples of \(tokens, features\) = \(8, 8\), the data has \(4, 8\)"):
        models.train(Recipe(), split=split)
    with pytest.raises(UserError, match=r"the model has 2 classes, the data has label 2"):
        models.train(Recipe(model=replace(SMALL, classes=2)), split=split)


def test_divergence_is_named(split: Split) -> None:
    broken = replace(split, train_x=split.train_x * torch.inf)
    with pytest.raises(UserError, match=r"training diverged \(float epoch 1\): lower Recipe.float_rate"):
        models.train(Recipe(model=SMALL, float_epochs=1), split=broken)


def test_nothing_is_printed(tmp_path: Path) -> None:
    code = (
        "import sys, models; from models import EncoderConfig; "
        "small = EncoderConfig(channels=8, heads=2, layers=1, hidden=8); "
        "t = models.train(models.Recipe(model=small, float_epochs=1, quant_epochs=1, batch=1024)); "
        "models.export(models.load(models.save(t, sys.argv[1])).model, sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.pt"), str(tmp_path / "model.onnx")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {entry.name for entry in tmp_path.iterdir()} == {"model.pt", "model.onnx"}


# ---- checkpoints


def test_checkpoints_bring_everything_back(trained: Trained, split: Split, tmp_path: Path) -> None:
    loaded = models.load(models.save(trained, tmp_path / "model.pt"))
    assert torch.equal(models.logits(loaded.model, split.test_x), models.logits(trained.model, split.test_x))
    assert not loaded.model.training
    assert replace(loaded, model=trained.model) == trained
    assert isinstance(loaded.history[0], Epoch)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_checkpoints_hold_only_plain_values(trained: Trained, tmp_path: Path) -> None:
    content = torch.load(models.save(trained, tmp_path / "model.pt"), weights_only=True)
    assert content["recipe"]["model"]["channels"] == 8
    assert {type(value) for value in content["recipe"].values()} <= {int, float, str, tuple, dict, type(None)}


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*no.pt: No such file or directory; `accel train --out"):
        models.load(tmp_path / "no.pt")
    with pytest.raises(UserError, match=r"cannot read .*: Is a directory"):
        models.load(tmp_path)


def test_files_that_are_no_checkpoints(trained: Trained, tmp_path: Path) -> None:
    whole = models.save(trained, tmp_path / "model.pt").read_bytes()
    (tmp_path / "bad.pt").write_bytes(b"text")
    with pytest.raises(UserError, match=r"bad.pt: is a text file, no checkpoint; `accel train` writes one"):
        models.load(tmp_path / "bad.pt")
    for raw in (b"", b"\x80\x02.", b"PK\x03\x04", whole[:100], whole[: len(whole) // 2], whole[:-30]):
        (tmp_path / "bad.pt").write_bytes(raw)
        with pytest.raises(UserError, match=r"bad.pt: truncated or not a checkpoint \(.*\); `accel train` writes one"):
            models.load(tmp_path / "bad.pt")


class Hostile:
    """What a pickle may do when it is trusted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.write_text, (self.path, "executed")


def test_a_checkpoint_executes_nothing(tmp_path: Path) -> None:
    torch.save({"format": Hostile(tmp_path / "trace")}, tmp_path / "bad.pt")
    with pytest.raises(UserError, match=r"bad.pt: truncated or not a checkpoint"):
        models.load(tmp_path / "bad.pt")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda c: c.update(format=99), r"format 99 is newer than this accel reads \(2\); upgrade"),
        (lambda c: c.pop("state"), r"not a checkpoint of this version \('state'\); `accel train` writes one"),
        (
            lambda c: c["model"].update(heads=3),
            r"model.pt: not a checkpoint .* \(channels \(8\) must be a multiple of heads \(3\)",
        ),
        (lambda c: c["recipe"].update(colour=1), r"not a checkpoint of this version \(.*colour"),
        (lambda c: c["model"].update(layers=2), r"not a checkpoint of this version \(Error\(s\) in loading"),
        (lambda c: c["state"]["head.bias"].fill_(torch.nan), r"\(head.bias holds values that are not finite\)"),
        (lambda c: c.update(state=3), r"not a checkpoint of this version"),
    ],
)
def test_damaged_checkpoints_are_refused(damage, text: str, trained: Trained, tmp_path: Path) -> None:
    content = torch.load(models.save(trained, tmp_path / "model.pt"), weights_only=True)
    damage(content)
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(UserError, match=text):
        models.load(tmp_path / "model.pt")


def test_a_checkpoint_that_is_no_dictionary(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"model.pt: not a checkpoint; `accel train` writes one"):
        models.load(tmp_path / "model.pt")


# ---- export


def test_equal_models_give_equal_files(trained: Trained, tmp_path: Path) -> None:
    state = copy.deepcopy(trained.model.state_dict())
    first, second = (models.export(trained.model, tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert first == second
    assert all(torch.equal(value, state[name]) for name, value in trained.model.state_dict().items())
    models.export(models.load(models.save(trained, tmp_path / "model.pt")).model, tmp_path / "c.onnx")
    assert (tmp_path / "c.onnx").read_bytes() == first


def test_nodes_are_named_by_their_place_in_the_model(trained: Trained, tmp_path: Path) -> None:
    graph = onnx.load(models.export(trained.model, tmp_path / "model.onnx")).graph
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    assert {"blocks.0/attention/query/MatMul", "blocks.0/norm1/IntNorm", "blocks.0/attention/softmax/IntSoftmax"} <= {
        *names
    }
    assert [value.name for value in (*graph.input, *graph.output)] == ["input", "logits"]
    assert all(node.output[0] in (node.name, "logits") for node in graph.node)
    assert not [node.op_type for node in graph.node if node.op_type in ("Constant", "Identity", "Shape", "Slice")]


def test_the_file_holds_the_trained_table_up_to_its_first_zero(trained: Trained, tmp_path: Path) -> None:
    graph = onnx.load(models.export(trained.model, tmp_path / "model.onnx")).graph
    (softmax,) = (node for node in graph.node if node.op_type == "IntSoftmax")
    (rom,) = (onnx.numpy_helper.to_array(t) for t in graph.initializer if t.name == softmax.input[1])
    table = trained.model.blocks[0].attention.softmax.table.numpy()
    assert np.array_equal(rom, table[: len(rom)])
    assert rom[:-1].all()
    assert not table[len(rom) :].any()


def test_qonnx_runs_the_file(trained: Trained, split: Split, tmp_path: Path) -> None:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    wrapper = ModelWrapper(str(models.export(trained.model, tmp_path / "model.onnx")))
    x = split.test_x[:3]
    found = np.concatenate([execute_onnx(wrapper, {"input": image.numpy()})["logits"] for image in x.split(1)])
    assert np.array_equal(found, models.logits(trained.model, x).numpy())


def test_a_float_network_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a float network has no integers to export: quantize it first"):
        models.export(Encoder(replace(SMALL, quantized=False)), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_unwritable_places_are_named(trained: Trained, tmp_path: Path) -> None:
    for write in (lambda path: models.export(trained.model, path), lambda path: models.save(trained, path)):
        with pytest.raises(UserError, match=r"cannot write .*nowhere/model: No such file or directory"):
            write(tmp_path / "nowhere" / "model")


def test_checkpoint_bytes_are_complete_or_absent(trained: Trained, tmp_path: Path, monkeypatch) -> None:
    def fail(content: object, buffer: io.BytesIO) -> None:
        buffer.write(b"half")
        raise MemoryError

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(MemoryError):
        models.save(trained, tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())
