"""Features of the units of a decode engine (`hls/engine/*.sv`), and of the logic between them."""

from __future__ import annotations

from accel.cost import engine_parts as parts
from accel.logic.part import Part
from accel.logic.tally import Features, Tally, block_rams, index_bits

STEPS = 3
"""Bits of a root or a quotient per cycle where nothing else is said."""


def tokens(t: Tally, part: Part) -> None:
    p = part.params
    burst = max(1, index_bits(p["BURST"]))
    t.registers(4 + burst + 2 * p["TW"] + p["PW"] + p["WIDTH"] * (p["NUMBERS"] > 2))
    t.logic("chosen", p["TW"] + p["PW"] + burst)
    t.add(p["PW"], kind="counters")


def sequencer(t: Tally, part: Part) -> None:
    """Words of the program on their way, counters and their ends, and addresses beside them."""
    p, rom = part.params, part.roms["FILE"]
    place = index_bits(p["PROGRAM"])
    t.table(rom)
    t.registers(rom.columns, "fetched")
    t.registers(3 * p["RESTW"] + p["GW"] + place, "passed")
    t.registers(14 * p["CW"] + 4 * p["SW"] + 3 * place, "counters")
    t.registers(11 * p["AW"], "addresses")
    t.logic("passed", p["RESTW"])
    t.logic("counters", 14 * p["CW"] + 4 * p["SW"])
    t.logic("addresses", 11 * p["AW"])
    t.add(p["CW"], 4, "counters")
    t.add(p["AW"], 7, "addresses")


def tape(t: Tally, part: Part) -> None:
    p = part.params
    width, depth, ahead = p["WIDTH"], p["DEPTH"], p.get("AHEAD", 0)
    t.counter(depth)
    t.registers(1)
    if p["BLOCK"]:
        t.deep_memory(width, depth)
        t.registers(width * (not ahead), "words")
        return
    t.table(part.roms["FILE"])
    t.registers(part.roms["FILE"].columns * (2 - ahead), "words")


def vectors(t: Tally, part: Part) -> None:
    p = part.params
    t.lut_ram(p["LANES"] * p["WIDTH"], p["DEPTH"], p["RATIO"])
    t.logic("writes", p["RATIO"])


def cache(t: Tally, part: Part) -> None:
    """Memories per row of keys and per column of values, and the digit of all that the array reads."""
    p = part.params
    rows, n, block = p["ROWS"], p["N"], p["BLOCK"]
    parts.memory(t, 4 * rows * p["KEY_PLANES"], p["KEY_DEPTH"], block, n)
    parts.memory(t, 4 * rows * p["VALUE_PLANES"], p["VALUE_DEPTH"], block, n)
    digits = 4 * rows * n
    t.registers(digits)
    t.logic("chosen", digits)
    t.select(p["KEY_PLANES"] + p["VALUE_PLANES"], digits)
    t.logic("writes", 2 * n)


def array(t: Tally, part: Part) -> None:
    """Products, a tree per row, sums that grow with shifted digits."""
    p = part.params
    rows, n, w, a = p["ROWS"], p["N"], p["W"], p["AW"]
    x = a + 4
    total = x + index_bits(n)
    _products(t, p)
    parts.tree(t, n, x, total, rows, "tree")
    if p["CUT"]:
        _parts(t, n, p["CUT"], total, rows)
    side = p["SIDE"] * rows
    if p["FACTOR"]:
        t.multiply(total, p["FACTOR"] + 1, side)
        t.registers(side * (total + p["FACTOR"]), "scaled")
    t.registers(side * w, "sums")
    t.add(w, side, "sums")
    t.logic("begins", side * w)
    t.logic("digits", side * w * p["DIGITW"])
    t.logic("split", rows * total * (p["CUT"] > 0))


def _products(t: Tally, p: dict[str, int]) -> None:
    """Two rows share a hard multiplier; what has none is made of look-up tables."""
    n, a, group = p["N"], p["AW"], p["GROUP"]
    product = a + 4
    hard = min(p["HARD"], -(-group // 2) * n * p["ROWS"] // group)
    alone = hard if group == 1 else 0
    if hard > alone:
        t.multiply(product + 5, a, hard)
        t.registers(2 * product * hard, "pairs")
        t.logic("joined", 5 * hard)
        t.registers(2 * hard, "pairs")
        t.add(product, hard, "apart")
    if alone:
        inside = t.multiply(5, a, alone, product)
        t.registers(product * alone, "hard" if inside else "products")
    rest = p["ROWS"] * n - (alone or 2 * hard)
    if rest:
        t.add(product, 2 * rest, "products")
        t.logic("multiples", product * rest)
        t.registers(product * rest)


def _parts(t: Tally, n: int, cut: int, width: int, rows: int) -> None:
    """Sums of `cut` neighbours, which wait for the whole one."""
    count = n // cut
    if cut % parts.FOURS:
        parts.sum_of(t, width, cut, count * rows, "parts")
    late = parts.levels(n) - parts.levels(cut) + (cut % parts.FOURS != 0)
    t.registers(count * width * rows * late, "parts")


def rounding(t: Tally, part: Part) -> None:
    """`accel_engine_round`: a product per lane, compared with shifted limits, shifted, and rounded."""
    p = part.params
    lanes, out, product = p["LANES"], p["YW"], p["XW"] + p["MW"] + 1
    below = max(0, -p["LEAST"])
    first, last = p["LEAST"] + below, p["MOST"] + below
    quotient, places = out + 1, last - first + 1
    compared = max(product + below + 1, last + quotient) - first
    hard = t.wide_product(p["XW"], p["MW"], lanes)
    t.registers(lanes * product, "hard" if hard else "products")
    t.registers(p["BANKS"] * (places + 2 * compared) + 2 * out, "places")
    t.logic("places", p["BANKS"] * (places + 2 * compared))
    t.logic("shifted", lanes * quotient * places)
    t.add(compared, 2 * lanes, "limits")
    t.add(out, lanes, "rounded")
    t.logic("clipped", lanes * out)
    t.registers(lanes * out)
    if p["EVEN"]:
        t.registers(p["BANKS"] * last, "places")
        t.logic("sticky", lanes * last)


def stream(t: Tally, part: Part) -> None:
    """Sums and limits per lane, squares and their sums, and what a norm takes of them."""
    p = part.params
    lanes, width, form = p["LANES"], p["WIDTH"], p["FORM"]
    parts.memory(t, lanes * width, p["BLOCKS"], p["BLOCK_RAM"])
    t.add(p["YW"] + 2, lanes, "added")
    t.logic("added", lanes * width)
    t.add(p["YW"] + 2, 2 * lanes, "limits")
    t.logic("clipped", lanes * width)
    t.registers(lanes * width)
    hard = t.multiply(width, width, lanes)
    t.registers(2 * lanes * width, "hard" if hard else "products")
    most = 2 * width + index_bits(lanes)
    if lanes > parts.FOURS:
        parts.tree(t, -(-lanes // parts.FOURS) * parts.FOURS, 2 * width, most, 1, "squares")
    parts.sum_of(t, p["VW"], 5, 1, "total")
    t.registers(p["VW"], "total")
    t.registers(4 * parts.levels(lanes) + 2 * index_bits(p["BLOCKS"]))
    if form:
        _less_mean(t, part)


def _less_mean(t: Tally, part: Part) -> None:
    """Sums times the number of channels, and less what the mean takes away."""
    p = part.params
    lanes, width, v, channels = p["LANES"], p["WIDTH"], p["VW"], p["CHANNELS"]
    if channels & (channels - 1):
        t.multiply(v, channels.bit_length() + 1, 1, v)
        t.multiply(width, channels.bit_length() + 1, lanes, p["UW"])
    if form_of(p) == "rms":
        t.registers(v, "centred")
        return
    mean = width + index_bits(channels) + 1
    parts.tree(t, lanes, width, mean, 1, "mean")
    t.registers(2 * mean + lanes * width + 4 * v, "centred")
    t.add(mean, 2, "mean")
    t.add(v, 2, "centred")
    t.add(p["UW"], lanes, "less")
    t.multiply(mean if form_of(p) == "layer" else width, mean if form_of(p) == "layer" else mean + 2, 1, v)
    if form_of(p) == "mean":
        parts.rescale(t, p, "MEAN", mean, width, 1)


def form_of(p: dict[str, int]) -> str:
    """The name of what a stream sums up."""
    return ("l2", "rms", "layer", "mean")[p["FORM"]]


def word(t: Tally, part: Part) -> None:
    p = part.params
    parts.constants(t, part.roms["FILE"], p["WIDTH"], p["DEPTH"], p["BLOCK"])


def root(t: Tally, part: Part) -> None:
    p = part.params
    guard, v = p["GUARD"], p["VW"]
    reach = max(-guard, -((2 * guard - v) // 2))
    if p["L2"]:
        parts.leading(t, v, 2 * guard, 2, reach + guard + 1)
    if p["TABLE"]:
        parts.constants(t, part.roms["FILE"], p["MW"], 1 << 2 * guard, p["BLOCK"])
        t.registers(1 + 2 * p["EW"] + p["MW"])
        return
    bits = guard + p["FRACTION"] if p["L2"] else (v + 2 * guard + 1) // 2
    quotient = p["NUMERATOR"] - p["LEAST"] + 1
    t.registers(p["L2"] * (2 * guard + p["EW"] + 1) + p["EW"])
    parts.isqrt(t, bits, STEPS)
    parts.inverse(t, max(bits, p["LEAST"] + 1), quotient, STEPS)
    gain = p["GAIN"]
    if gain > 1:
        t.registers(p["MW"])
        if gain & (gain - 1):
            t.multiply(quotient + 1, gain.bit_length() + 1, 1, p["MW"])


def scores(t: Tally, part: Part) -> None:
    """A memory of blocks, the largest of a block and of each head, and who sees which key."""
    p = part.params
    lanes, width, heads = p["LANES"], p["WIDTH"], p["HEADS"]
    parts.memory(t, lanes * width, heads << index_bits(p["BLOCKS"]), p["BLOCK_RAM"])
    t.add(p["PW"], 2 * lanes, "visible")
    t.registers(2 * lanes)
    t.logic("counted", lanes * width)
    parts.largest(t, lanes, width, parts.FOURS)
    parts.winner(t, min(lanes, parts.FOURS), width, 1)
    t.add(width, min(lanes, parts.FOURS), "larger")
    t.lut_ram(width, 1 << max(1, index_bits(heads)), 2)
    t.registers((index_bits(heads) + 2) * parts.levels(lanes) + index_bits(heads))


def softmax(t: Tally, part: Part) -> None:
    """Distances, a table per lane or one in block RAM per two, their sum, and its reciprocal."""
    p = part.params
    lanes, share, total = p["P"], p["SHARE_BITS"], p["SUM_BITS"]
    depth, slow = p["DEPTH"], p.get("SLOW", 0)
    words = p["LAYERS"] << index_bits(depth) if p["LAYERS"] > 1 else depth
    t.add(max(index_bits(depth), p["SCORE_BITS"]) + 1, lanes, "distances")
    t.logic("clipped", lanes * index_bits(depth))
    _exponentials(t, part, lanes, share, words, slow, p.get("BLOCK", 0))
    parts.tree(t, -(-lanes // parts.FOURS) * parts.FOURS if lanes > parts.FOURS else 1, share, total, 1, "shares")
    parts.sum_of(t, total, 5, 1, "total")
    t.registers(total + 2 * (slow + parts.levels(lanes)))
    reciprocal(t, part)


def _exponentials(t: Tally, part: Part, lanes: int, width: int, depth: int, slow: int, block: int) -> None:
    t.registers(lanes * width, "shares")
    t.logic("visible", lanes * width)
    if block:
        t.bram += -(-lanes // 2) * block_rams(width, depth, t.target)
        t.registers(lanes)
        return
    t.registers(lanes * (part.roms["FILE"].columns + 1) * slow, "read")
    for _ in range(lanes):
        t.table(part.roms["FILE"])


def reciprocal(t: Tally, part: Part) -> None:
    """`accel_engine_reciprocal`: leading bits and a table, or some bits of a quotient in every stage."""
    p = part.params
    x, kept, least, quotient, significant = (p[key] for key in ("SUM_BITS", "KEPT", "LEAST", "QBITS", "SIGNIFICANT"))
    if p.get("TABLE", 0):
        parts.leading(t, max(x, least + 1), kept, 1, max(1, x - least))
        block = p["RECIPROCAL_BLOCK"]
        parts.constants(t, part.roms["RECIPROCAL_FILE"], p["MW"], 1 << max(0, kept - 1), block)
        t.registers(p["MW"] + p["JW"] + kept + index_bits(max(1, x - least)))
        return
    if 0 < kept < x:
        t.logic("cut", (x - kept) * 2)
    parts.division(t, x, least, quotient, STEPS)
    t.delay(1, -(-quotient // STEPS) + 1)
    if 0 < significant < quotient:
        parts.leading(t, quotient, significant, 1, quotient - significant + 1)
        t.registers(significant + index_bits(quotient - significant + 1))


def shares(t: Tally, part: Part) -> None:
    p = part.params
    width, banks = p["LANES"] * p["WIDTH"], p["BANKS"] * p["RATIO"]
    parts.memory(t, width, p["DEPTH"], p["BLOCK_RAM"], banks)
    t.logic("writes", banks)
    t.select(banks, width)
    t.registers(index_bits(p["BANKS"]) + index_bits(p["RATIO"]))


def delay(t: Tally, part: Part) -> None:
    p = part.params
    t.registers(p["WIDTH"] * p["STAGES"])


def rotary(t: Tally, part: Part) -> None:
    """Two products per lane, their sum and what is not turned, rounded and clipped beside each other."""
    p = part.params
    lanes, x, out = p["P"], p["XW"], p["YW"]
    product, wait = x + p["TW"] + 1, 1 + p.get("SLOW", 0)
    parts.constants(t, part.roms["FILE"], 2 * lanes * p["TW"], p["DEPTH"], p["BLOCK"])
    hard = t.multiply(x, p["TW"], 2 * lanes, product)
    t.registers(2 * lanes * (product - 1), "hard" if hard else "products")
    t.add(product, lanes, "turned")
    t.registers(lanes * product * (wait - 1), "turned")
    t.registers(wait * (lanes * x + p["SW"] + 2 * out + 1), "waiting")
    parts.late(t, product, p["LEAST"], p["MOST"], out, lanes)
    t.add(max(x, out) + 1, 2 * lanes, "passed")
    t.logic("passed", lanes * out)
    t.registers(lanes * out)


def gate(t: Tally, part: Part) -> None:
    """A table per lane between two roundings, a product with the other half, and its rounding."""
    p = part.params
    lanes, x, form, out = p["P"], p["XW"], p["FORM"], p["YW"]
    address, slow = index_bits(p["DEPTH"]), p.get("SLOW", 0)
    words = p["LAYERS"] << address if p["LAYERS"] > 1 else p["DEPTH"]
    parts.rescale(t, p, "NARROW", x, address + 1, lanes)
    t.add(address + 1, lanes * (p["BASE"] % (1 << max(0, address - 1)) != 0), "based")
    parts.constants(t, part.roms["FILE"], p["TW"], words, p["BLOCK"], lanes)
    t.registers(lanes * p["TW"] * slow, "waiting")
    if form == 0:
        t.registers(lanes * p["TW"])
        return
    t.registers(lanes * (2 + slow) * x, "waiting")
    t.registers((3 + slow) * (p["SW"] + 2 * out + 1), "controls")
    turned, opened = x + p["TW"], p["OW"]
    hard = t.multiply(x, p["TW"], lanes)
    t.registers(lanes * turned, "hard" if hard else "products")
    parts.rescale(t, p, "OPENED", turned, opened, lanes)
    if form == 2:
        t.registers(lanes * (opened + out), "waiting")
        hard = t.multiply(opened, x, lanes)
        t.registers(lanes * (opened + x), "hard" if hard else "products")
        parts.late(t, opened + x, p["LEAST"], p["MOST"], out, lanes)


def noise(t: Tally, part: Part) -> None:
    """A register of random bits per lane, its leading zeros, a table, and values that wait for it."""
    p = part.params
    lanes = p["P"]
    t.registers(lanes * (32 + 2 * p["XW"] + p["W"]) + 5)
    t.add(32, lanes, "states")
    t.logic("states", lanes * 64)
    t.logic("zeros", lanes * 24)
    t.add(p["W"] - p["UP"], lanes, "noisy")
    _exponentials(t, part, lanes, p["NW"], 1 << 10, 1, p["BLOCK"])


def argmax(t: Tally, part: Part) -> None:
    """The largest of blocks, and of all four that are left and the one before."""
    p = part.params
    lanes, width = p["P"], p["W"]
    lane = max(1, index_bits(lanes))
    t.logic("counted", lanes * width * (p["VOCABULARY"] % lanes > 0))
    parts.largest(t, lanes, width, parts.FOURS, lane)
    parts.winner(t, min(lanes, parts.FOURS), width, 1, lane)
    t.add(width, min(lanes, parts.FOURS), "larger")
    t.registers(width + p["IW"] + (p["BW"] + 2) * (parts.levels(lanes) - 1))
    t.logic("place", p["IW"])


def logits(t: Tally, part: Part) -> None:
    """A memory of blocks, whose lanes leave one by one."""
    p = part.params
    lanes, width = p["P"], p["W"]
    depth = -(-p["VOCABULARY"] // lanes)
    parts.memory(t, lanes * width, depth, p["BLOCK"])
    t.select(lanes, width)
    t.counter(depth)
    t.counter(lanes)
    t.registers(1)


def memory(t: Tally, part: Part) -> None:
    p = part.params
    parts.memory(t, p["WIDTH"], p["DEPTH"], p["BLOCK"])


def exponent(t: Tally, part: Part) -> None:
    """Magnitudes of a block, an OR over them, and the highest bit of a vector's."""
    p = part.params
    lanes, width = p["LANES"], p["WIDTH"]
    t.add(width, lanes, "magnitudes")
    t.logic("any", lanes * width)
    t.logic("found", (width - p["BITS"]) * p["EW"])
    t.registers(2 * width + p["EW"] + 2)


def glue(t: Tally, part: Part) -> None:
    """The top module between its units: lines of registers, operands, what enters the rounding, and what is written."""
    p = part.params
    rows = p["ROWS"]
    t.registers(p["LINES"], "lines")
    t.logic("fields", p["FIELDS"])
    t.registers(p["FIELDS"], "fields")
    t.registers(p["OPERANDS"], "operands")
    t.logic("operands", p["OPERANDS"])
    t.logic("entering", rows * p["SUMW"])
    t.logic("factors", rows * p["FACTORW"])
    t.registers(rows * p["FACTORW"], "factors")
    t.add(p["LOADW"], rows * (p["LOADS"] - 1), "loads")
    t.logic("written", rows * p["VECTORW"] * (p["SOURCES"] - 1))
    t.lut_ram(p["KEPTW"], p["HEADS"], p["BANKS"])
    t.registers((p["SIDE"] - 1) * rows * p["SUMW"], "side")
    t.logic("side", (p["SIDE"] - 1) * rows * p["SUMW"])
    if p["GAINW"]:
        hard = t.multiply(p["CENTREDW"], p["GAINW"], rows)
        t.registers(rows * (p["CENTREDW"] + p["GAINW"]), "hard" if hard else "products")
        t.logic("gained", rows * p["GAINW"])
        t.registers(rows * p["LOADW"], "loads")


FEATURES: Features = {
    "accel_engine": glue,
    "accel_engine_argmax": argmax,
    "accel_engine_array": array,
    "accel_engine_cache": cache,
    "accel_engine_delay": delay,
    "accel_engine_exponent": exponent,
    "accel_engine_gate": gate,
    "accel_engine_logits": logits,
    "accel_engine_memory": memory,
    "accel_engine_noise": noise,
    "accel_engine_root": root,
    "accel_engine_rotary": rotary,
    "accel_engine_round": rounding,
    "accel_engine_scores": scores,
    "accel_engine_sequencer": sequencer,
    "accel_engine_shares": shares,
    "accel_engine_softmax": softmax,
    "accel_engine_stream": stream,
    "accel_engine_tape": tape,
    "accel_engine_tokens": tokens,
    "accel_engine_vectors": vectors,
    "accel_engine_word": word,
}
