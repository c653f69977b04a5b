"""`accel quantize`: float networks, from torch or a file, to files that import; right values from ONNX Runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from command import accel as command
from onnx import TensorProto, helper
from onnx_session import opened
from torch import nn

import accel
from accel import storage
from accel.errors import GraphError, UnsupportedModel, UserError
from accel.verbs.quantize import Quantized

TOKENS, CHANNELS, WORDS = 4, 8, 11


class Block(nn.Module):
    """A causal block of one head, LayerNorm before and after, GELU, residual paths."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = nn.LayerNorm(CHANNELS), nn.LayerNorm(CHANNELS)
        self.inputs, self.output = nn.Linear(CHANNELS, 3 * CHANNELS), nn.Linear(CHANNELS, CHANNELS)
        self.up, self.down = nn.Linear(CHANNELS, 2 * CHANNELS), nn.Linear(2 * CHANNELS, CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.inputs(self.before(x)).chunk(3, dim=-1)
        x = x + self.output(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        return x + self.down(nn.functional.gelu(self.up(self.after(x))))


class Words(nn.Module):
    """Identifiers with a mask over the keys, as transformers' models take them; the scores of the first word."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.block, self.head = nn.Embedding(WORDS, CHANNELS), Block(), nn.Linear(CHANNELS, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.table(input_ids)
        hidden = (1 - attention_mask[:, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        x = x + torch.softmax(x @ x.transpose(1, 2) / 3 + hidden, dim=-1) @ x
        return self.head(self.block(x)[:, 0]), x


def words(count: int = 32) -> dict[str, np.ndarray]:
    identifiers = np.random.default_rng(0).integers(0, WORDS, (count, TOKENS))
    return {"input_ids": identifiers, "attention_mask": np.tile([1, 1, 1, 0], (count, 1))}


def real(count: int = 32) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, TOKENS, CHANNELS)).astype(np.float32)


def executed(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    """The file's results in ONNX Runtime, without its optimizations, sample by sample."""
    session = opened(path)
    count = len(next(iter(feeds.values())))
    runs = [session.run(None, {name: x[i : i + 1] for name, x in feeds.items()})[0] for i in range(count)]
    return np.concatenate(runs)


def exported(path: Path, module: nn.Module, *inputs: np.ndarray, **options: object) -> Path:
    torch.onnx.export(module.eval(), tuple(map(torch.from_numpy, inputs)), str(path), dynamo=False, **options)
    return path


@pytest.fixture(scope="module")
def float_block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the older exporter writes it, with a batch of any size."""
    path = tmp_path_factory.mktemp("float") / "block.onnx"
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "N", 1: "T"}, "y": {0: "N"}}}
    return exported(path, Block(), real(1), **names)


@pytest.fixture(scope="module")
def out(float_block: Path) -> Path:
    return float_block.with_name("q.onnx")


@pytest.fixture(scope="module")
def block(float_block: Path, out: Path) -> Quantized:
    return accel.quantize(float_block, real(), out)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Quantized:
    """`Words`, as the newer exporter writes it."""
    data = {**words(), "labels": np.zeros(32, dtype=int)}
    return accel.quantize(Words(), data, tmp_path_factory.mktemp("words") / "q.onnx")


def test_a_block_of_the_older_exporter(block: Quantized, out: Path) -> None:
    done = block
    assert max(found.max_lsb for found in done.deviations) <= 1
    assert done.cosine > 0.999
    x = real(50)[32:]
    step = np.asarray(done.graph.output_tensor.scale)
    assert np.abs(accel.load(out).predict(x) - executed(out, {"x": x})).max() <= 2 * step.max()
    assert {node.op.kind for node in done.graph} >= {"softmax", "norm", "lookup", "matmul", "dense", "add"}


def test_a_module_of_the_newer_exporter(scores: Quantized) -> None:
    """The mask is the same for all samples and becomes a constant; of two results the first is kept."""
    done = scores
    assert max(found.max_lsb for found in done.deviations) <= 1
    expected = Words().eval()(*map(torch.from_numpy, words().values()))[0].detach().numpy()
    assert done.float_accuracy == (expected.argmax(-1) == 0).mean()
    found = done.graph.predict(words()["input_ids"])
    assert found.shape == (32, 3)
    assert done.accuracy == (found.argmax(-1) == 0).mean()
    np.testing.assert_allclose(found, expected, atol=0.1 * np.abs(expected).max())


def test_quantizers_stand_around_products_and_sums_only(block: Quantized, out: Path) -> None:
    model = onnx.load(out)
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    read = {name: [makers[i] for i in node.input if i in makers] for node in model.graph.node for name in node.output}
    functions = [kinds for name, kinds in read.items() if makers[name] in ("Gelu", "Softmax")]
    assert functions == [["Add"], ["DequantizeLinear"]] or functions == [["Add"], ["Add"]]
    biased = [name for name, kinds in read.items() if makers[name] == "Add" and "MatMul" in kinds]
    assert len(biased) == 4  # between a product and its bias nothing is rounded
    products = [kinds for name, kinds in read.items() if makers[name] == "MatMul"]
    assert all(set(kinds) == {"DequantizeLinear"} for kinds in products)


def test_the_command(float_block: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", real(8))
    arguments = ("quantize", str(float_block), "--data", str(tmp_path / "x.npy"), "--out", str(tmp_path / "q.onnx"))
    told = json.loads(command(*arguments, "--json").stdout)
    assert told["samples"] == 8
    assert told["accuracy"] is None
    assert told["model"] == str(tmp_path / "q.onnx")
    assert max(found["max_lsb"] for found in told["deviations"]) <= 1


# ---- what a user gets wrong


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (real().astype(np.float32)[:, :, :5], "data of input 'x' has shape (32, 4, 5)"),
        (real()[0, 0], "data of input 'x' has shape (8,)"),
        (real()[:0], "at least one sample is needed"),
        ({"y": real()}, "has no input 'y'; its inputs are x"),
        ({"x": real(), "labels": np.zeros(3)}, "the same number of samples; got 32 of 'x', 3 of 'labels'"),
        ({"labels": np.zeros(3)}, "holds no input"),
        (real() * np.nan, "holds NaN or infinity"),
        (real().astype(str), "save numbers"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit(float_block: Path, tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(UserError) as refused:
        accel.quantize(float_block, data, tmp_path / "q.onnx")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "q.onnx").exists()


def test_masks_that_differ_between_samples(tmp_path: Path) -> None:
    """A mask that comes in keeps its meaning: hidden tokens change no result."""
    data = words()
    data["attention_mask"] = (np.arange(TOKENS) < 2 + np.arange(32)[:, None] % (TOKENS - 1)).astype(np.int64)
    done = accel.quantize(Words(), data, tmp_path / "q.onnx")
    assert list(done.graph.inputs) == ["input_ids", "attention_mask"]
    assert done.cosine > 0.99
    assert max(found.max_lsb for found in done.deviations) <= 1
    found, expected = done.graph.predict(data), executed(tmp_path / "q.onnx", data)
    assert np.abs(found - expected).max() <= 0.1 * np.abs(expected).max()


def test_two_inputs_of_real_numbers(tmp_path: Path) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 6), nn.Linear(5, 6)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.first(a) + self.second(b))

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=(32, TOKENS, size)).astype(np.float32) for name, size in (("a", 8), ("b", 5))}
    np.savez(tmp_path / "calib.npz", **data)
    done = accel.quantize(Both(), tmp_path / "calib.npz", tmp_path / "q.onnx")
    assert done.cosine > 0.999
    found, expected = done.graph.predict(data), executed(tmp_path / "q.onnx", data)
    assert np.abs(found - expected).max() <= 1.01 * np.max(done.graph.output_tensor.scale)
    checked = accel.check(tmp_path / "q.onnx", tmp_path / "calib.npz", 8, levels=("qonnx", "reference"))
    assert (checked.mismatches, checked.outcomes[-1].samples) == (0, 8)


def test_inputs_without_data_and_integers(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no data for the input 'attention_mask' of Words: add an array of that name"):
        accel.quantize(Words(), {"input_ids": words()["input_ids"]}, tmp_path / "q.onnx")
    with pytest.raises(UserError, match="Words takes several inputs"):
        accel.quantize(Words(), words()["input_ids"], tmp_path / "q.onnx")


def test_integers_are_wanted(tmp_path: Path) -> None:
    names = {"input_names": ["input_ids", "attention_mask"], "output_names": ["scores", "hidden"]}
    path = exported(tmp_path / "words.onnx", Words(), *(x[:1] for x in words().values()), **names)
    data = words()
    data["input_ids"] = data["input_ids"].astype(np.float32)
    with pytest.raises(UserError, match=r"data of input 'input_ids' is float32, .* takes integers \(int64\)"):
        accel.quantize(path, data, tmp_path / "q.onnx")
    with pytest.raises(UserError, match="has no output 'logits'; its outputs are scores, hidden"):
        accel.quantize(path, words(), tmp_path / "q.onnx", output="logits")
    done = accel.quantize(path, words(), tmp_path / "q.onnx", output="hidden")
    assert done.graph.predict(words()["input_ids"]).shape == (32, TOKENS, CHANNELS)


def test_files_that_are_not_float_networks(block: Quantized, out: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has quantizers already: `accel check` reads it"):
        accel.quantize(out, real(4), tmp_path / "again.onnx")
    with pytest.raises(UserError, match="no such file"):
        accel.quantize(tmp_path / "none.onnx", real(4), tmp_path / "again.onnx")
    with pytest.raises(UserError, match=r"holds weights alone; name the function .* package.module:function"):
        accel.quantize("model.pt", real(4), tmp_path / "again.onnx")


def test_functions_that_make_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("factories_of_a_user.py").write_text("def three(): return 3\n")
    for name, message in (
        (
            "no_such_module:f",
            r"cannot import no_such_module: ModuleNotFoundError: .*; run this in the folder that holds it",
        ),
        ("factories_of_a_user:f", "factories_of_a_user has no function 'f'"),
        ("factories_of_a_user:three", "factories_of_a_user:three returned int; return a torch.nn.Module"),
    ):
        with pytest.raises(UserError, match=message):
            accel.quantize(name, real(4), tmp_path / "q.onnx")


def test_a_network_without_an_integer_graph(tmp_path: Path) -> None:
    """Every reason comes, about the model that was named; no file is left."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("CumSum", ["m", "axis"], ["y"])]
    weights = helper.make_tensor("w", TensorProto.FLOAT, [CHANNELS, CHANNELS], np.eye(CHANNELS).reshape(-1))
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [1])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", TOKENS, CHANNELS]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [weights, axis])
    path = tmp_path / "sums.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    with pytest.raises(UnsupportedModel) as refused:
        accel.quantize(path, real(4), tmp_path / "q.onnx")
    assert str(refused.value).startswith(f"{path}: ")
    assert "CumSum" in str(refused.value)
    assert not (tmp_path / "q.onnx").exists()


# ---- one object for one answer


def test_a_saved_graph_predicts_as_the_file(block: Quantized, tmp_path: Path) -> None:
    storage.save(block.graph, tmp_path / "graph.accel")
    saved = storage.load(tmp_path / "graph.accel")
    assert saved.view == block.graph.view
    np.testing.assert_array_equal(saved.predict(real()), block.graph.predict(real()))


def test_a_graph_without_a_file_takes_tokens_and_channels(block: Quantized) -> None:
    plain = replace(block.graph, view=None)
    np.testing.assert_array_equal(plain.predict(real()), block.graph.predict(real()))


def test_views_of_other_graphs_are_refused(block: Quantized) -> None:
    view = block.graph.view
    assert view
    with pytest.raises(
        GraphError, match=r"graph .* and results \(3,\), the graph .* another graph's; use view=None here"
    ):
        replace(block.graph, view=replace(view, outputs=((3,),)))
    with pytest.raises(GraphError, match="does not hold"):
        replace(view.inputs[0], order=(0, 0))


def test_images_have_the_shape_of_the_file(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype(np.float32)
    names = {"input_names": ["x"], "output_names": ["y"]}
    path = exported(tmp_path / "patches.onnx", Tokens(), x[:1], **names)
    done = accel.quantize(path, x, tmp_path / "q.onnx")
    found = accel.load(tmp_path / "q.onnx").predict(x)
    assert found.shape == (6, 4, CHANNELS)
    expected = executed(tmp_path / "q.onnx", {"x": x})
    assert np.abs(found - expected).max() <= 1.01 * np.max(done.graph.output_tensor.scale)


class Tokens(nn.Module):
    """Patches of an image as tokens."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.mix = nn.Conv2d(3, CHANNELS, 4, 4), nn.Linear(CHANNELS, CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(self.patches(x).flatten(2).transpose(1, 2))


def test_identifiers_outside_of_the_table_are_refused(scores: Quantized) -> None:
    with pytest.raises(UserError, match=r"input values 11\.\.11 leave the declared range 0\.\.10"):
        scores.graph.predict(np.full((1, TOKENS), WORDS))
