"""Weight bits for every layer under a budget: fewest where they change the loss least.

bits = mixed.search(network, split, budget=20_000)
recipe = replace(recipe, model=replace(recipe.model, bits_of=bits))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from torch import nn

from accel.errors import UserError
from models.data import Split
from models.encoder import Encoder
from models.fitting import reproducible
from models.quantization import quantize
from models.scoring import nats

if TYPE_CHECKING:
    from optuna import Trial

Cost = Callable[[Encoder], float]
"""Of a calibrated quantized network: weight bits, or LUTs of the design that is made of it."""
Bits = dict[str, int]
BitsOf = tuple[tuple[str, int], ...]
"""As EncoderConfig.bits_of takes them."""

WIDTHS = (2, 3, 4, 6, 8)
SAMPLES = 512
"""Samples of the training part on which scales are calibrated and losses compared."""


def weight_bits(model: Encoder) -> int:
    """Bits of all weights of inner layers."""
    return sum(size * model.config.bits(name) for name, size in layers(model).items())


def layers(model: Encoder) -> dict[str, int]:
    """Number of weights of every inner layer, by its name in EncoderConfig.bits_of; a low-rank product is one layer."""
    sizes: dict[str, int] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name.startswith("blocks."):
            name = name.removesuffix(".first").removesuffix(".second")
            sizes[name] = sizes.get(name, 0) + module.weight.numel()
    return sizes


def search(
    network: Encoder,
    split: Split,
    budget: float,
    *,
    cost: Cost = weight_bits,
    widths: tuple[int, ...] = WIDTHS,
    trials: int = 0,
    storage: str | None = None,
    study: str = "bits",
    seed: int = 0,
) -> BitsOf:
    """Bits for every inner layer of a float network, so that `cost` is at most `budget` and the training loss low.

    First in order of sensitivity; then, if there are `trials`, by Optuna from there on. With a `storage` (a URL, as
    "sqlite:///bits.db") several machines work on one `study`: give each its own seed. Deterministic per seed.
    Raises UserError when even the fewest bits cost more.
    """
    task = _WidthSearch(network.eval(), split, budget, cost, tuple(sorted(set(widths))))
    with reproducible(seed):
        bits = task.by_sensitivity()
        if trials:
            bits = task.refined(bits, trials, storage, study, seed)
    return tuple(bits.items())


def chosen(network: Encoder, split: Split, mean: float) -> Encoder:
    """The float network with bits for every inner layer, `mean` per weight at most, by sensitivity."""
    budget = mean * sum(layers(network).values())
    bits = _WidthSearch(network.eval(), split, budget, weight_bits, WIDTHS).by_sensitivity()
    return _with(network, bits)


def _with(network: Encoder, bits: Bits) -> Encoder:
    """A copy whose twin will have these bits."""
    copy = Encoder(replace(network.config, bits_of=tuple(bits.items())))
    copy.load_state_dict(network.state_dict())
    return copy.eval()


class _WidthSearch:
    def __init__(self, network: Encoder, split: Split, budget: float, cost: Cost, widths: tuple[int, ...]) -> None:
        self.network, self.budget, self.cost, self.widths = network, budget, cost, widths
        self.x, self.y = split.train_x[:SAMPLES], split.train_y[:SAMPLES]
        self.sizes = layers(network)

    def quantized(self, bits: Bits) -> Encoder:
        return quantize(_with(self.network, bits), self.x)

    def loss(self, model: Encoder) -> float:
        return nats(model, self.x, self.y)

    def by_sensitivity(self) -> Bits:
        """Lower widths from the most bits down, always in the layer whose loss rises least per weight bit saved.

        That rise is measured with all other layers at the most bits, once per layer and width that is compared.
        """
        bits = dict.fromkeys(self.sizes, self.widths[-1])
        most = dict(bits)
        loss = cache(lambda *alone: self.loss(self.quantized(dict(alone))))

        def price(name: str) -> float:
            width, fewer = bits[name], self.fewer(bits[name])
            now, then = (loss(*{**most, name: alone}.items()) for alone in (width, fewer))
            return (then - now) / (self.sizes[name] * (width - fewer))

        while (spent := self.spent(bits)) > self.budget:
            left = [name for name, width in bits.items() if width > self.widths[0]]
            if not left:
                raise UserError(
                    f"the fewest bits ({self.widths[0]}) cost {spent:g}, above the budget of {self.budget:g}"
                )
            chosen = min(left, key=price)
            bits[chosen] = self.fewer(bits[chosen])
        return bits

    def spent(self, bits: Bits) -> float:
        """Their cost; weight bits are known without a calibration."""
        return self.cost(_with(self.network, bits) if self.cost is weight_bits else self.quantized(bits))

    def fewer(self, width: int) -> int:
        return self.widths[self.widths.index(width) - 1]

    def refined(self, bits: Bits, trials: int, storage: str | None, name: str, seed: int) -> Bits:
        """The best of `trials` more choices; those above the budget are pruned."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(storage=storage, study_name=name, sampler=sampler, load_if_exists=True)
        terms = {"budget": self.budget, "widths": list(self.widths), "layers": dict(self.sizes)}
        if study.user_attrs.get("terms", terms) != terms:
            raise UserError(f"study {name!r} has another budget, other widths or layers: choose another name")
        study.set_user_attr("terms", terms)
        study.enqueue_trial(bits, skip_if_exists=True)
        study.optimize(self.tried, n_trials=trials)
        return study.best_params if study.best_trials else bits

    def tried(self, trial: Trial) -> float:
        import optuna

        bits = {name: trial.suggest_categorical(name, self.widths) for name in self.sizes}
        if self.spent(bits) > self.budget:
            raise optuna.TrialPruned
        return self.loss(self.quantized(bits))
