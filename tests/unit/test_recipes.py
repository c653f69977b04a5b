"""Levers of efficient training: what each recipe promises about weights, shapes and losses."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import accel
import models
from accel import reference
from accel.errors import UserError
from models import presets
from models.config import EncoderConfig
from models.data import Split, names
from models.data.split import IGNORED
from models.encoder import Encoder
from models.pruning import Masks, n_of_m, shrunk
from models.recipe import Distillation, Pruning, Recipe
from models.scoring import bigram, judge

SMALL = EncoderConfig(tokens=4, features=8, classes=3, channels=16, heads=4, layers=1, hidden=16)
SHORT = Recipe(model=SMALL, float_epochs=3, quant_epochs=4, batch=64)


@pytest.fixture(scope="module")
def split() -> Split:
    """The middle rows of the digits 0, 1 and 2: 4 tokens × 8 features."""
    data = models.data.load("digits")
    train, test = data.train_y < 3, data.test_y < 3
    return Split(data.train_x[train][:, 2:6], data.train_y[train], data.test_x[test][:, 2:6], data.test_y[test])


@pytest.fixture(scope="module")
def plain(split: Split) -> models.Trained:
    return models.train(SHORT, split=split)


def weights_of(trained: models.Trained, tmp_path: Path) -> list[np.ndarray]:
    """The integers of every Dense."""
    graph = accel.load(models.export(trained.model, tmp_path / "model.onnx"))
    return [node.op.weight.wide() for node in graph if node.op.kind == "dense"]


def test_two_of_four_weights_stay(split: Split, tmp_path: Path) -> None:
    trained = models.train(replace(SHORT, pruning=Pruning(kept=2, group=4)), split=split)
    for weight in weights_of(trained, tmp_path):
        kept = (weight.reshape(len(weight), -1, 4) != 0).sum(-1)
        assert kept.max() == 2
        assert kept.mean() > 1.2
    assert trained.quantized_accuracy > 0.6


def test_unstructured_zeros_reach_their_share(split: Split, tmp_path: Path) -> None:
    trained = models.train(replace(SHORT, pruning=Pruning(weights=0.75)), split=split)
    for weight in weights_of(trained, tmp_path):
        assert (weight == 0).mean() >= 0.75
        assert weight.any()


@pytest.mark.parametrize("ramp", [0.0, 0.4, 1.0])
def test_masks_are_whole_whenever_the_ramp_ends(ramp: float, split: Split) -> None:
    trained = models.train(replace(SHORT, float_epochs=0, pruning=Pruning(weights=0.5, ramp=ramp)), split=split)
    for name, parameter in trained.model.named_parameters():
        if name.endswith("weight"):
            assert (parameter == 0).float().mean() == pytest.approx(0.5, abs=0.01), name


def test_the_largest_of_a_group_stay() -> None:
    size = torch.tensor([[1.0, 4.0, 3.0, 2.0, 5.0, 5.0, 5.0, 5.0]])
    assert n_of_m(size, 2, 4).tolist() == [[False, True, True, False, True, True, False, False]]


def test_shrinking_takes_the_least_important_out() -> None:
    torch.manual_seed(0)
    network = Encoder(replace(SMALL, quantized=False))
    with torch.no_grad():
        for block in network.layers:
            block.feed_forward.up.weight[3:7] = 0
            block.feed_forward.up.bias[3:7] = 0
            block.feed_forward.down.weight[:, 3:7] = 0
            block.attention.out.weight[:, 4:12] = 0
            for reader in (block.attention.query, block.attention.key, block.attention.value):
                reader.weight[4:12] = 0
    small = shrunk(network, Pruning(neurons=0.25, heads=0.5))
    assert (small.config.hidden, small.config.heads, small.config.head_channels) == (12, 2, 4)
    x = torch.randn(5, 4, 8)
    torch.testing.assert_close(small(x), network(x))


def test_a_shrunk_network_is_exact_and_smaller(split: Split, tmp_path: Path) -> None:
    deep = replace(SHORT, model=replace(SMALL, layers=2))
    recipe = replace(deep, pruning=Pruning(neurons=0.5, heads=0.5, layers=1))
    trained = models.train(recipe, split=split)
    assert [epoch.stage for epoch in trained.history] == ["float"] * 3 + ["shrunk"] + ["quantized"] * 4
    graph = accel.load(models.export(trained.model, tmp_path / "model.onnx"))
    steps = models.logits(trained.model, split.test_x).numpy() / np.asarray(graph.output_tensor.scale)
    integers = reference.quantize(graph, split.test_x.numpy())
    assert np.array_equal(steps[:, None], reference.run(graph, integers))
    whole = models.train(replace(deep, float_epochs=0, quant_epochs=0), split=split)
    assert sum(w.size for w in weights_of(trained, tmp_path)) < 0.4 * sum(w.size for w in weights_of(whole, tmp_path))


def test_a_layer_without_whole_groups_keeps_its_weights() -> None:
    network = models.Encoder(replace(SMALL, features=7))
    masks = Masks(network, Pruning(kept=2, group=4, ramp=0.0))
    assert "embed" not in masks.weights
    assert len(masks.weights) == sum(isinstance(module, torch.nn.Linear) for module in network.modules()) - 1
    assert all((weight.unflatten(1, (-1, 4)) != 0).sum(-1).max() == 2 for weight in masks.weights.values())
    assert (network.embed.weight != 0).all()


def test_what_cannot_be_pruned_is_refused(split: Split) -> None:
    for change, text in (
        ({"pruning": Pruning(layers=1)}, r"Pruning.layers takes 1 of 1 layers: leave one"),
        ({"pruning": Pruning(kept=2, group=3)}, r"no layer has whole groups of 3 inputs"),
        ({"pruning": Pruning(weights=0.5), "model": replace(SMALL, weight_bits=1)}, r"binary weights have no zero"),
    ):
        with pytest.raises(UserError, match=text):
            models.train(replace(SHORT, float_epochs=0, **change), split=split)
    with pytest.raises(UserError, match=r"Pruning.kept is at most Pruning.group; got 5"):
        Pruning(kept=5, group=4)
    with pytest.raises(UserError, match=r"not both"):
        Pruning(weights=0.5, kept=2, group=4)


# ---- distillation and precision


@pytest.mark.parametrize(
    "what",
    [
        Distillation(),
        Distillation(logits=0.5, hidden=1.0, attention=10.0),
        Distillation(teacher=replace(SMALL, channels=32, layers=2)),
    ],
)
def test_a_teacher_changes_the_training(what: Distillation, split: Split, plain: models.Trained) -> None:
    taught = models.train(replace(SHORT, distillation=what), split=split)
    assert taught.history[-1].loss != plain.history[-1].loss
    assert taught.quantized_accuracy > 0.6
    assert ("teacher" in {epoch.stage for epoch in taught.history}) == (what.teacher is not None)


def test_a_teacher_that_agrees_costs_nothing() -> None:
    from models.distillation import _divergence

    logits = torch.randn(5, 3)
    assert _divergence(logits, logits, 2.0) == pytest.approx(0, abs=1e-6)
    assert _divergence(logits, logits.flip(1), 2.0) > 0.1


def test_unfit_teachers_are_refused(split: Split) -> None:
    for what, text in (
        (Distillation(hidden=1.0, teacher=replace(SMALL, channels=32)), r"hidden states have 16 and 32 channels"),
        (Distillation(attention=1.0, teacher=replace(SMALL, heads=2)), r"the same number of heads"),
        (Distillation(teacher=replace(SMALL, classes=4)), r"a teacher has the tokens and classes"),
    ):
        with pytest.raises(UserError, match=text):
            models.train(replace(SHORT, float_epochs=0, distillation=what), split=split)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_trains_and_exports_exact_integers(precision: str, split: Split, tmp_path: Path) -> None:
    trained = models.train(replace(SHORT, precision=precision), split=split)
    assert {value.dtype for value in trained.model.parameters()} == {torch.float32}
    assert trained.quantized_accuracy > 0.6
    graph = accel.load(models.export(trained.model, tmp_path / "model.onnx"))
    steps = models.logits(trained.model, split.test_x).numpy() / np.asarray(graph.output_tensor.scale)
    assert np.array_equal(steps[:, None], reference.run(graph, reference.quantize(graph, split.test_x.numpy())))


# ---- language models


def test_a_language_model_learns_a_pattern() -> None:
    sequence = torch.arange(8).repeat(33)
    x, y = (sequence[first : first + 256].reshape(32, 8) for first in (0, 1))
    config = EncoderConfig(tokens=8, vocabulary=8, classes=8, channels=16, heads=2, layers=1, hidden=16, causal=True)
    trained = models.train(Recipe(model=config, float_epochs=40, quant_epochs=10, batch=8), split=Split(x, y, x, y))
    assert trained.quantized_nats < 1.2 < math.log(8)
    assert trained.quantized_accuracy > 0.9


# ---- interruption


class Killed(Exception):
    pass


MASKED = replace(SHORT, pruning=Pruning(weights=0.5), distillation=Distillation())


@pytest.fixture(scope="module")
def whole(split: Split) -> models.Trained:
    return models.train(MASKED, split=split)


@pytest.mark.parametrize("after", [1, 3, 5])
def test_an_interrupted_training_goes_on_as_it_would_have(
    after: int, split: Split, whole: models.Trained, tmp_path: Path
) -> None:
    recipe, epochs = MASKED, 0

    def stop(*_: object) -> None:
        nonlocal epochs
        epochs += 1
        if epochs == after:
            raise Killed

    with pytest.raises(Killed):
        models.train(recipe, split=split, folder=tmp_path / "run", progress=stop)
    seen: list[tuple] = []
    resumed = models.train(recipe, split=split, folder=tmp_path / "run", progress=lambda *call: seen.append(call[:2]))
    assert len(seen) == 7 - after
    assert resumed.history == whole.history
    state = whole.model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in resumed.model.state_dict().items())


def test_a_killed_process_resumes(tmp_path: Path) -> None:
    config = EncoderConfig(channels=8, heads=2, layers=1, hidden=8)
    recipe = Recipe(model=config, float_epochs=4, quant_epochs=2, batch=512)
    code = (
        "import sys, models; from models import EncoderConfig, Pruning, Distillation, Recipe; "
        f"models.save(models.train({recipe!r}, folder=sys.argv[1]), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run"), str(tmp_path / "killed.pt")]
    with subprocess.Popen(command) as process:
        while not (tmp_path / "run" / "float.pt").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed.pt").exists()
    first, second = (models.train(recipe, folder=folder).model.state_dict() for folder in (tmp_path / "run", None))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_folders_of_other_recipes_and_damaged_ones_are_refused(split: Split, tmp_path: Path) -> None:
    recipe = replace(SHORT, float_epochs=1, quant_epochs=0)
    models.train(recipe, split=split, folder=tmp_path)
    assert json.loads((tmp_path / "recipe.json").read_text()) == json.loads(json.dumps(asdict(recipe)))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) >= {"quantized_accuracy", "float_nats", "seconds"}
    assert [epoch["stage"] for epoch in metrics["history"]] == ["float"]
    with pytest.raises(UserError, match=r"is the training of another recipe: remove it, or choose another folder"):
        models.train(replace(recipe, seed=1), split=split, folder=tmp_path)
    raw = (tmp_path / "float.pt").read_bytes()
    (tmp_path / "float.pt").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(UserError, match=r"float.pt: damaged, or of another version \(.*\): remove "):
        models.train(recipe, split=split, folder=tmp_path)


# ---- data


def test_data_that_is_not_installed_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("models.data.fashion.FOLDERS", (str(tmp_path),))
    with pytest.raises(
        UserError, match=r"Fashion-MNIST is not in .*: install it \(Debian: apt install dataset-fashion"
    ):
        models.data.load("fashion")


def test_unknown_data_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"unknown data set 'mnist'; there are digits, fashion, vowels, text, bible, names"
    ):
        models.data.load("mnist")


def test_text_goes_there_and_back() -> None:
    from models.data import text

    split = models.data.load("text")
    assert torch.equal(split.train_x[:, 1:], split.train_y[:, :-1])
    assert torch.equal(split.train_x[1:, 0], split.train_y[:-1, -1])
    assert text.decode(text.encode("def f(x): return x\n")) == "def f(x): return x\n"
    assert int(split.train_x.max()) < text.VOCABULARY


def test_vowels_are_padded_with_zeros() -> None:
    split = models.data.load("vowels")
    assert split.train_x.shape == (270, 32, 12)
    assert split.test_x.shape == (370, 32, 12)
    assert not split.train_x[:, 29:].any()
    assert split.train_y.unique().tolist() == list(range(9))


def test_fashion_images_are_patches() -> None:
    from models.data import fashion

    if not any(Path(folder).exists() for folder in fashion.FOLDERS):
        pytest.skip("Fashion-MNIST is not installed (Debian: dataset-fashion-mnist)")
    split = models.data.load("fashion")
    assert split.train_x.shape == (60000, 16, 49)
    assert split.test_y.bincount().tolist() == [1000] * 10
    raw = fashion._values(fashion.folder() / "t10k-images-idx3-ubyte.gz", 16)[:784].reshape(28, 28)
    assert torch.equal(split.test_x[0, 5].reshape(7, 7), torch.from_numpy((raw[7:14, 7:14].astype("f4") - 128) / 128))


def test_names_are_split_once() -> None:
    """A tenth is held out. Behind the end of a name no label counts, and the letter before says little of the next."""
    split = models.data.load("names")
    assert (split.train_x.shape, split.test_x.shape) == ((28_830, names.TOKENS), (3_203, names.TOKENS))
    assert bool((split.train_x[:, 0] == names.END).all())
    known = split.test_y != IGNORED
    assert int(known.sum()) == 24_055
    assert torch.equal(split.test_x[:, 1:][known[:, 1:]], split.test_y[:, :-1][known[:, 1:]])
    assert names.decode(split.test_x[0]) == names.decode(split.test_y[0].clamp(0))
    assert not {names.decode(x) for x in split.test_x} & {names.decode(x) for x in split.train_x}
    assert bigram(split) == pytest.approx(2.5396, abs=1e-4)


def test_labels_that_are_ignored_count_nowhere() -> None:
    config = replace(presets.MICROGPT, quantized=False)
    x = torch.randint(0, 27, (4, 16), generator=torch.Generator().manual_seed(0))
    y = torch.roll(x, -1, 1)
    network = Encoder(config)
    whole = judge(network, x[:, :16], y)
    assert judge(network, torch.cat([x, x]), torch.cat([y, torch.full_like(y, IGNORED)])) == pytest.approx(whole)
