// Exponentials of a head's scores, P keys per cycle, and the reciprocal of their sum:
//   share = rom[min(largest - score, DEPTH - 1)], 0 where the key is not visible; latency 1 + SLOW
// The tables of LAYERS layers lie behind each other, 2^ceil(log2(DEPTH)) words each.
//   multiplier, spare: `accel_engine_reciprocal` of the sum from the `first` to the `last` beat of the head, that many
//   cycles after the last shares and max(1, ceil(log4(P))) more; they are there for one cycle.
// SLOW: a register between the distance and the memory. BLOCK (needs SLOW): two lanes share a block RAM.
module accel_engine_softmax #(
    parameter int P = 8,
    parameter int SCORE_BITS = 10,
    parameter int SHARE_BITS = 7,
    parameter int SUM_BITS = 12,
    parameter int DEPTH = 256,
    parameter int LAYERS = 1,
    parameter int LW = 1,  // of a layer's number
    parameter bit SLOW = 1'b0,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "exponentials.hex",
    parameter bit TABLE = 1'b0,
    parameter int KEPT = 0,
    parameter int NUMERATOR = 30,
    parameter int LEAST = 6,
    parameter int QBITS = 25,
    parameter int SIGNIFICANT = 18,
    parameter int MW = 18,
    parameter int JW = 4,
    parameter int STEPS = 3,
    parameter bit RECIPROCAL_BLOCK = 1'b0,
    parameter RECIPROCAL_FILE = "reciprocal.hex"
) (
    input  logic                         clk,
    input  logic                         rst,
    input  logic                         valid,
    input  logic                         first,
    input  logic                         last,
    input  logic [LW-1:0]                layer,
    input  logic [P-1:0]                 visible,
    input  logic [P*SCORE_BITS-1:0]      scores,
    input  logic signed [SCORE_BITS-1:0] largest,
    output logic [P*SHARE_BITS-1:0]      shares,
    output logic [MW-1:0]                multiplier,
    output logic [JW-1:0]                spare
);
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int DW = (AW > SCORE_BITS ? AW : SCORE_BITS) + 2;
    localparam logic signed [DW-1:0] END = DW'(DEPTH - 1);
    localparam int WORDS = LAYERS > 1 ? LAYERS * 2 ** AW : DEPTH;
    localparam int WORDW = WORDS > 1 ? $clog2(WORDS) : 1;
    logic [P*WORDW-1:0] addresses;
    for (genvar l = 0; l < P; l++) begin : distance
        wire signed [DW-1:0] d = DW'(largest) - DW'($signed(scores[l*SCORE_BITS+:SCORE_BITS]));
        wire [AW-1:0] index = d > END ? END[AW-1:0] : d[AW-1:0];
        if (LAYERS > 1) begin : layers
            assign addresses[l*WORDW+:WORDW] = {layer[WORDW-AW-1:0], index};
        end else begin : shared
            assign addresses[l*WORDW+:WORDW] = index;
            wire unused_layer = ^layer;
        end
    end
    accel_engine_exponentials #(
        .P(P), .AW(WORDW), .WIDTH(SHARE_BITS), .DEPTH(WORDS), .SLOW(SLOW), .BLOCK(BLOCK), .FILE(FILE)
    ) exponentials (.clk, .visible, .addresses, .shares);

    // the sum: fours of shares with a register each, the last fours in front of the accumulator
    localparam int LEVELS = P > 4 ? ($clog2(P) + 1) / 2 : 1;
    localparam int WAIT = int'(SLOW) + LEVELS;
    logic [WAIT:1] valids, firsts;
    always_ff @(posedge clk) begin
        valids <= rst ? '0 : WAIT'({valids, valid});
        firsts <= WAIT'({firsts, first});
    end
    logic [4*SUM_BITS-1:0] fours;
    accel_engine_sums #(.N(P), .XW(SHARE_BITS), .W(SUM_BITS)) adders (.clk, .terms(shares), .sums(fours));
    logic [SUM_BITS-1:0] total;
    wire [SUM_BITS-1:0] low = fours[0+:SUM_BITS] + fours[SUM_BITS+:SUM_BITS];
    wire [SUM_BITS-1:0] high = fours[2*SUM_BITS+:SUM_BITS] + fours[3*SUM_BITS+:SUM_BITS];
    always_ff @(posedge clk) if (valids[WAIT]) total <= (firsts[WAIT] ? '0 : total) + (low + high);
    wire unused = last;

    accel_engine_reciprocal #(
        .TABLE(TABLE), .XW(SUM_BITS), .KEPT(KEPT), .NUMERATOR(NUMERATOR), .LEAST(LEAST), .QBITS(QBITS),
        .SIGNIFICANT(SIGNIFICANT), .MW(MW), .JW(JW), .STEPS(STEPS), .BLOCK(RECIPROCAL_BLOCK), .FILE(RECIPROCAL_FILE)
    ) reciprocal (.clk, .rst, .x(total), .multiplier, .spare);
endmodule
