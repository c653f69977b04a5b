// The row of the largest of VOCABULARY signed values, P rows per cycle, the first of equal ones. `index` stays, and is
// final max(1, ceil(log4(P))) cycles after the last block: the last level is the comparison with the blocks before.
module accel_engine_argmax #(
    parameter int P = 8,
    parameter int W = 20,
    parameter int IW = 5,
    parameter int BW = 2,  // of a block's number
    parameter int VOCABULARY = 27
) (
    input  logic           clk,
    input  logic           rst,
    input  logic           valid,
    input  logic           first,
    input  logic           ends,   // this is the last block
    input  logic [BW-1:0]  block,
    input  logic [P*W-1:0] values,
    output logic [IW-1:0]  index
);
    localparam int LW = P > 1 ? $clog2(P) : 1;
    localparam int LAST = (VOCABULARY - 1) / P;
    localparam logic [W-1:0] LEAST = {1'b1, {(W - 1) {1'b0}}};
    logic [P*W-1:0] rows;  // those behind the last one never win
    logic [P*LW-1:0] lanes;
    for (genvar l = 0; l < P; l++) begin : lane
        localparam bit ALWAYS = LAST * P + l < VOCABULARY;
        assign rows[l*W+:W] = ALWAYS || !ends ? values[l*W+:W] : LEAST;
        assign lanes[l*LW+:LW] = LW'(l);
    end
    logic [4*W-1:0] best;
    logic [4*LW-1:0] places;
    accel_engine_best #(.N(P), .W(W), .LW(LW)) levels (.clk, .values(rows), .lanes, .best, .best_lanes(places));

    localparam int WAIT = P > 4 ? ($clog2(P) + 1) / 2 - 1 : 0;
    logic [WAIT:0] valids, firsts;
    logic [(WAIT+1)*BW-1:0] blocks;
    assign {valids[0], firsts[0], blocks[0+:BW]} = {valid, first, block};
    if (WAIT > 0) begin : delayed
        always_ff @(posedge clk) begin
            valids[WAIT:1] <= rst ? '0 : valids[WAIT-1:0];
            firsts[WAIT:1] <= firsts[WAIT-1:0];
            blocks[BW+:WAIT*BW] <= blocks[0+:WAIT*BW];
        end
    end else begin : at_once
        wire unused = rst;
    end
    // four values and the largest so far: all comparisons beside each other, with
    // signs flipped as in accel_engine_first
    logic [W-1:0] largest;
    logic [3:0] wins, larger;
    logic [W-1:0] value;
    logic [LW-1:0] place;
    accel_engine_first #(.N(4), .W(W)) choice (.values(best), .wins);
    always_comb begin
        value = '0;
        place = '0;
        for (int i = 0; i < 4; i++) begin
            larger[i] = (best[i*W+:W] ^ LEAST) > (largest ^ LEAST);
            value = value | (best[i*W+:W] & {W{wins[i]}});
            place = place | (places[i*LW+:LW] & {LW{wins[i]}});
        end
    end
    always_ff @(posedge clk)
        if (valids[WAIT] && (firsts[WAIT] || |(wins & larger))) begin
            largest <= value;
            index   <= IW'(blocks[WAIT*BW+:BW]) * IW'(P) + IW'(P > 1 ? place : '0);
        end
endmodule
