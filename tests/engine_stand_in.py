"""A core with the ports of a decode engine, and its twin in Python: every token depends on all tokens before it.

So a request that was lost, came twice or belongs to another sequence shows in the tokens that follow.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from accel.design import Design, Figures
from accel.stream import Stream
from accel.tensor import Tensor

_TEXT = """\
// Stands in for a decode engine: the token that follows is a hash of all tokens up to the position.
// A request takes a cycle per position, for each of its BURST tokens.
module stand_in #(
    parameter int VOCABULARY = {vocabulary},
    parameter int CONTEXT = {context},
    parameter int BURST = {burst},
    parameter int W = {width}
) (
    input  logic clk,
    input  logic rst,
    input  logic s_valid,
    output logic s_ready,
    input  logic [2*W-1:0] s_data,
    input  logic s_last,
    output logic m_valid,
    input  logic m_ready,
    output logic [$clog2(VOCABULARY)-1:0] m_data,
    output logic m_last
);
    localparam int P = $clog2(CONTEXT);
    typedef enum logic [1:0] {{IDLE, STORE, HASH, ANSWER}} state_t;
    state_t state;
    logic [W-1:0] tokens[CONTEXT];
    logic [W-1:0] token, position, place, left;
    logic [31:0] hash, next;

    assign next = (hash + 32'(tokens[P'(place)]) + 1'b1) * 32'd{factor};
    assign s_ready = state == IDLE;
    assign m_valid = state == ANSWER;
    assign m_data = token[$clog2(VOCABULARY)-1:0];
    assign m_last = left == '0;

    always_ff @(posedge clk) begin
        case (state)
            IDLE: if (s_valid) begin
                {{position, token}} <= s_data;
                left <= W'(BURST - 1);
                state <= STORE;
            end
            STORE: begin
                if (32'(position) < CONTEXT) tokens[P'(position)] <= token;
                place <= '0;
                hash <= '0;
                state <= 32'(position) < CONTEXT ? HASH : ANSWER;
            end
            HASH: begin
                place <= place + 1'b1;
                hash <= next;
                if (place == position) begin
                    token <= W'(next[31-:$clog2(VOCABULARY)]);
                    state <= ANSWER;
                end
            end
            ANSWER: if (m_ready) begin
                position <= position + 1'b1;
                left <= left - 1'b1;
                state <= m_last ? IDLE : STORE;
            end
        endcase
        if (rst) state <= IDLE;
    end

    logic unused_last;
    assign unused_last = s_last;
endmodule
"""
_FACTOR = 2654435761


def stand_in(vocabulary: int = 64, context: int = 24, burst: int = 1) -> Design:
    """The design; `vocabulary` is a power of two."""
    ends = Tensor((1, 2), 0, max(vocabulary, context) - 1), Tensor((burst, 1), 0, vocabulary - 1)
    request, tokens = (
        Stream.of(name, tensor, tensor.channels) for name, tensor in zip(("request", "tokens"), ends, strict=True)
    )
    text = _TEXT.format(vocabulary=vocabulary, context=context, burst=burst, width=request.width, factor=_FACTOR)
    cycles = burst * (context + 3)
    return Design(
        "stand-in", "stand_in", {"stand_in.sv": text}, (request,), (tokens,), Figures(cycles, cycles), context=context
    )


def following(known: Sequence[int], vocabulary: int) -> int:
    """The token behind `known`."""
    value = 0
    for token in known:
        value = (value + token + 1) * _FACTOR % (1 << 32)
    return value >> 32 - (vocabulary.bit_length() - 1)


def continued(design: Design, prompt: Sequence[int], count: int) -> list[int]:
    """The tokens that the design chooses behind a prompt."""
    known = list(prompt)
    for _ in range(count):
        known.append(following(known, design.output.tensor.hi + 1))
    return known[len(prompt) :]


def prompts(design: Design, count: int, seed: int = 0) -> list[tuple[list[int], int]]:
    """Random prompts, each with a number of tokens that fits behind it."""
    rng, made = random.Random(seed), []
    for _ in range(count):
        size = rng.randint(1, design.context // 2)
        prompt = [rng.randint(0, design.output.tensor.hi) for _ in range(size)]
        made.append((prompt, rng.randint(1, design.context - size + 1)))
    return made
