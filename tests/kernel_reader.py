"""A reader of HLS kernels: what synthesis would make of their loops, pragmas and arrays.

Kernels are written in a small part of C++; what is outside of it is reported like any other fault.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

ITERATIONS = (0.0, 1.0, 0.6)
"""Which iterations of a pipeline are looked at: the first, the last, and one between."""


@dataclass
class Block:
    """`{…}` behind `head`; `body` holds statements, pragmas and blocks in order."""

    head: str
    body: list[Block | str] = field(default_factory=list)

    def pragmas(self) -> list[str]:
        return [part for part in self.body if isinstance(part, str) and part.startswith("#pragma HLS")]

    def has(self, pragma: str) -> bool:
        return any(re.match(rf"#pragma HLS {pragma}\b", part) for part in self.pragmas())


def parse(text: str) -> Block:
    """The blocks of a C++ file."""
    root = Block("")
    stack, buffer, depth = [root], "", 0
    for line in re.sub(r"//.*", "", text).splitlines():
        line = line.strip()
        if line.startswith("#"):
            if line.startswith("#pragma"):
                stack[-1].body.append(" ".join(line.split()))
            continue
        for char in line + " ":
            depth += (char == "(") - (char == ")")
            if depth or char not in "{};":
                buffer += char
                continue
            statement, buffer = " ".join(buffer.split()), ""
            if char == "{":
                stack[-1].body.append(Block(statement))
                stack.append(stack[-1].body[-1])
            elif statement:
                stack[-1].body.append(statement)
            if char == "}":
                stack.pop()
    return root


def functions(root: Block) -> dict[str, tuple[list[str], Block]]:
    """Kernels and their parts by name: parameters' declarations, and the body."""
    found = {}
    for part in root.body:
        if isinstance(part, Block) and part.head.startswith("namespace"):
            found |= functions(part)
        elif isinstance(part, Block) and (match := re.search(r"\bvoid (accel_\w+)\((.*)\)$", part.head)):
            found[match[1]] = ([name.strip() for name in match[2].split(", ")], part)
    return found


@dataclass
class Array:
    """A memory of a kernel, and what every pipeline touches of it in one cycle."""

    name: str
    dims: tuple[int, ...]
    factors: list[int]
    block: bool = False
    touched: dict[int, list[set[tuple[int, ...]]]] = field(default_factory=dict)

    def bank(self, index: tuple[int, ...]) -> tuple[int, ...]:
        if self.block:
            return tuple(i // -(-n // f) for i, n, f in zip(index, self.dims, self.factors, strict=True))
        return tuple(i % f for i, f in zip(index, self.factors, strict=True))

    def problems(self) -> Iterator[str]:
        most = 0
        for index in itertools.chain(*itertools.chain(*self.touched.values())):
            if not all(0 <= i < n for i, n in zip(index, self.dims, strict=True)):
                yield f"{self.name}{list(index)} is outside of {list(self.dims)}"
                return
        for elements in itertools.chain(*self.touched.values()):
            most = max(most, len(elements))
            if len({self.bank(index) for index in elements}) < len(elements):
                yield f"{self.name}: {len(elements)} elements in a cycle do not lie in memories of their own"
                return
        banks = math.prod(self.factors)
        if self.touched and most != banks:
            yield f"{self.name}: {banks} memories for {most} elements in a cycle"


@dataclass
class Loop:
    variable: str
    bound: int
    unrolled: bool


class Walk:
    """One call of a kernel: `cycles` per sample, most operations in one, sizes of the beats of its streams."""

    def __init__(self, known: dict[str, tuple[list[str], Block]], constants: dict[str, int]) -> None:
        self.known, self.constants = known, constants
        self.arrays: list[Array] = []
        self.beats: dict[str, set[int]] = defaultdict(set)
        self.widest, self.found = 0, []
        self.regions = itertools.count()

    def call(self, name: str, arguments: list[str | Array], outer: tuple[Loop, ...] = (), region: int = -1) -> int:
        """Cycles of a function; `region` is the pipeline that it is called in."""
        parameters, body = self.known[name]
        scope: dict[str, str | Array] = {}
        for declaration, argument in zip(parameters, arguments, strict=True):
            match = re.search(r"(\w+)((?:\[[^\]]*\])*)$", declaration)
            assert match, declaration
            scope[match[1]] = argument
            if match[2] and isinstance(argument, str):
                scope[match[1]] = self._array(match[1], match[2])
        return self._block(body, scope, outer, (), region, called=region >= 0)

    def _array(self, name: str, dims: str) -> Array:
        sizes = tuple(int(self.value(size)) for size in re.findall(r"\[([^\]]+)\]", dims))
        self.arrays.append(Array(name, sizes, [1] * len(sizes)))
        return self.arrays[-1]

    def _block(
        self, block: Block, scope: dict, loops: tuple[Loop, ...], conditions: tuple[str, ...], region: int, called: bool
    ) -> int:
        """Cycles of a block: 1 inside a pipeline, the longest process of a dataflow, the sum of parts otherwise."""
        scope, cycles = dict(scope), []
        for part in block.body:
            if isinstance(part, Block):
                cycles.append(self._part(part, scope, loops, conditions, region, called))
            elif part.startswith("#pragma HLS ARRAY"):
                self._partition(part, scope)
            elif not part.startswith("#pragma"):
                cycles.append(self._statement(part, scope, loops, conditions, region))
        if region >= 0:
            return 1
        return max(cycles) if block.has("DATAFLOW") else sum(cycles)

    def _part(self, block: Block, scope: dict, loops: tuple, conditions: tuple, region: int, called: bool) -> int:
        if match := re.match(r"(?:else )?if \((.*)\)$|else$", block.head):
            return self._block(block, scope, loops, (*conditions, *filter(None, match.groups())), region, called)
        match = re.match(r"for \(int (\w+) = 0; \1 < (.+); \1\+\+\)$", block.head)
        if not match:
            self.found.append(f"cannot read {block.head!r}")
            return 0
        bound = int(self.value(match[2]))
        unroll, pipeline = block.has("UNROLL"), block.has("PIPELINE")
        if region < 0 and unroll:
            self.found.append(f"the loop over {match[2]} is unrolled outside of a pipeline")
        if region < 0 and not (pipeline or any(isinstance(part, Block) for part in block.body) or self._calls(block)):
            self.found.append(f"the loop over {match[2]} is not pipelined")
        if region >= 0 and not (unroll or called):
            self.found.append(f"the loop over {match[2]} in a pipeline does not say that it is unrolled")
        if pipeline and "#pragma HLS PIPELINE II=1" not in block.pragmas():
            self.found.append(f"the loop over {match[2]} is not written for II=1")
        inside = next(self.regions) if pipeline and region < 0 else region
        loop = Loop(match[1], bound, unrolled=region >= 0)
        body = self._block(block, scope, (*loops, loop), conditions, inside, called)
        return 1 if loop.unrolled else bound * body

    def _calls(self, block: Block) -> bool:
        return any(isinstance(part, str) and re.match(r"accel_\w+<CONFIG>\(", part) for part in block.body)

    def _partition(self, pragma: str, scope: dict) -> None:
        match = re.match(r"#pragma HLS ARRAY_\w+ variable=(\w+) (complete|cyclic|block)(.*)", pragma)
        array = scope.get(match[1]) if match else None
        if not match or not isinstance(array, Array):
            self.found.append(f"{pragma!r} is about no array")
            return
        options = dict(option.split("=") for option in match[3].split())
        dim = int(options.get("dim", 1)) - 1
        array.factors[dim] = array.dims[dim] if match[2] == "complete" else int(self.value(options["factor"]))
        array.block = match[2] == "block"

    def _statement(self, text: str, scope: dict, loops: tuple, conditions: tuple, region: int) -> int:
        while match := re.match(r"(?:else )?if \(", text):
            end = _closing(text, match.end() - 1)
            conditions, text = (*conditions, text[match.end() : end]), text[end + 1 :].strip()
        text = text.removeprefix("else ")
        if match := re.fullmatch(r"(?:const )?typename CONFIG::\w+ (\w+)((?:\[[^\]]+\])+)", text):
            scope[match[1]] = self._array(match[1], match[2])
        elif match := re.fullmatch(r"const int (\w+) = (.+)", text):
            scope[match[1]] = f"({match[2]})"
        elif match := re.fullmatch(r"(accel_\w+)<CONFIG>\((.*)\)", text):
            return self.call(match[1], [scope.get(name, name) for name in match[2].split(", ")], loops, region)
        elif match := re.fullmatch(r"CONFIG::io::(?:read|write)\((\w+), (.+), (\w+)\)", text):
            beat = scope[match[3]]
            self.beats[scope[match[1]]].add(math.prod(beat.dims))
            self._touch(beat, [set(np.ndindex(beat.dims))], region)
        elif region >= 0:
            self.widest = max(self.widest, *map(len, self._copies(scope, loops, conditions)))
            self._accesses(text, scope, loops, conditions, region)
        return 0

    def _accesses(self, text: str, scope: dict, loops: tuple, conditions: tuple, region: int) -> None:
        for name in set(re.findall(r"\b(\w+)\[", text)):
            array = scope.get(name)
            if isinstance(array, Array):
                for indices in _indices(text, name):
                    self._touch(array, self._elements(indices, scope, loops, conditions), region)

    def _touch(self, array: Array, elements: Iterable[set], region: int) -> None:
        touched = array.touched.setdefault(region, [set() for _ in ITERATIONS])
        for seen, more in zip(touched, itertools.cycle(elements), strict=False):
            seen |= more

    def _elements(self, indices: list[str], scope: dict, loops: tuple, conditions: tuple) -> Iterator[set]:
        """What an access touches in each of the iterations that are looked at."""
        texts = [self._expression(text, scope) for text in indices]
        for copies in self._copies(scope, loops, conditions):
            yield {tuple(_evaluate(text, names) for text in texts) for names in copies}

    def _copies(self, scope: dict, loops: tuple, conditions: tuple) -> Iterator[list[dict[str, int]]]:
        """The loop variables of every copy that unrolling makes of a statement, where its conditions hold."""
        tests = [self._expression(text, scope) for text in conditions]
        unrolled = [loop for loop in loops if loop.unrolled]
        for share in ITERATIONS:
            fixed = {f"{loop.variable}_": int((loop.bound - 1) * share) for loop in loops if not loop.unrolled}
            values = itertools.product(*(range(loop.bound) for loop in unrolled))
            copies = (fixed | {f"{loop.variable}_": i for loop, i in zip(unrolled, v, strict=True)} for v in values)
            yield [names for names in copies if all(_holds(test, names) for test in tests)]

    def _expression(self, text: str, scope: dict) -> str:
        text = re.sub(r"\w+\.to_int\(\)", "0", text)  # depends on data: any place within the part that is chosen
        for _ in range(3):
            text = re.sub(r"\b([a-z]\w*)\b(?!::)", lambda m: v if isinstance(v := scope.get(m[1]), str) else m[1], text)
        text = re.sub(r"CONFIG::(\w+)", lambda m: str(self.constants[m[1]]), text)
        return _python(re.sub(r"\b([a-z]\w*)\b", r"\1_", text))  # `pass` is a name in C++

    def value(self, text: str) -> int:
        """A constant expression."""
        return _evaluate(self._expression(text, {}), {})


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at `start` closes."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if depth == 0:
            return place
    raise ValueError(text)


def _indices(text: str, name: str) -> Iterator[list[str]]:
    for match in re.finditer(rf"\b{name}\[", text):
        found, start = [], match.end() - 1
        while start < len(text) and text[start] == "[":
            end = _closing(text, start)
            found.append(text[start + 1 : end])
            start = end + 1
        yield found


def _python(text: str) -> str:
    """A C expression of integers as one of Python."""
    text = text.replace("&&", " and ").replace("||", " or ").replace("/", "//")
    text = re.sub(r"!(?!=)", " not ", text)
    choice = r"([^()?]+|\([^()?]*\))\?([^?:]+):((?:[^()?:]|\([^()?:]*\))+)"
    return re.sub(choice, r"((\2) if (\1) else (\3))", text)


@lru_cache(maxsize=10_000)
def _compiled(text: str) -> object:
    return compile(text.strip(), "<index>", "eval")


def _evaluate(text: str, names: dict[str, int]) -> int:
    return eval(_compiled(text), {"__builtins__": {}}, names)


def _holds(text: str, names: dict[str, int]) -> bool:
    """A condition; True where it depends on data."""
    try:
        return bool(_evaluate(text, names))
    except (NameError, SyntaxError, TypeError, ZeroDivisionError):
        return True
