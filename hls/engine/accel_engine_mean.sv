// The mean of CHANNELS numbers, and the sum of squares of their differences from it, in one pass: with the sum T and the
// sum of squares S, mean = clip(round(T * MULTIPLIER / 2^SHIFT), LO, HI), v = S + mean * (CHANNELS * mean - 2 T) + OFFSET.
// `mean` comes 2 cycles behind `valid`, `done` and v 5 cycles; both stay until the next ones.
// MODE as in `accel_engine_rounded`.
module accel_engine_mean #(
    parameter int CHANNELS = 64,
    parameter int TW = 24,  // of the sum, signed
    parameter int SW = 44,  // of the sum of squares, unsigned
    parameter longint MULTIPLIER = 64'sd1,
    parameter int SHIFT = 6,
    parameter int MODE = 1,
    parameter longint LO = -64'sd131072,
    parameter longint HI = 64'sd131071,
    parameter int MW = 18,  // of the mean, signed
    parameter longint OFFSET = 64'sd0,
    parameter int VW = 44
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic                 valid,
    input  logic signed [TW-1:0] total,
    input  logic [SW-1:0]        squares,
    output logic signed [MW-1:0] mean,
    output logic                 done,
    output logic [VW-1:0]        v
);
    localparam int PW = MULTIPLIER == 64'sd1 ? TW : TW + $clog2(MULTIPLIER + 64'sd1);
    localparam int CW = $clog2(CHANNELS + 1);
    localparam int WW = (MW + CW > TW + 1 ? MW + CW : TW + 1) + 1;  // CHANNELS * mean - 2 T
    logic [5:1] valids;
    logic signed [TW-1:0] totals[2];
    logic [SW-1:0] sums;
    logic signed [PW-1:0] product;
    logic [MW-1:0] rounded;
    accel_engine_rescale #(.XW(PW), .SHIFT(SHIFT), .MODE(MODE), .LO(LO), .HI(HI), .YW(MW))
        rounding (.x(product), .y(rounded));
    logic signed [WW-1:0] rest;
    localparam int LW = WW + MW < VW ? WW + MW : VW;
    logic signed [LW-1:0] less;
    always_ff @(posedge clk) begin
        valids    <= rst ? '0 : {valids[4:1], valid};
        totals[0] <= total;
        totals[1] <= totals[0];
        if (valid) sums <= squares;
        product <= PW'(total) * PW'(MULTIPLIER);
        if (valids[1]) mean <= rounded;
        rest <= WW'(mean) * WW'(CHANNELS) - (WW'(totals[1]) <<< 1);
        less <= LW'(mean) * LW'(rest);
        if (valids[4]) v <= VW'(sums) + VW'(less) + VW'(OFFSET);
    end
    assign done = valids[5];
endmodule
