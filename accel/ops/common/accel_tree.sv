// Adds N terms in LEVELS levels of pairs, a register each, which leaves ceil(N / 2^LEVELS) sums. Latency LEVELS.
// Every term and sum has a carry of weight 1 that is still to be added: an adder takes in one of the two that reach
// it and passes the other on, so carries cost no adders.
module accel_tree #(
    parameter int N = 4,
    parameter int LEVELS = 2,
    parameter int XW = 10,         // of a term, signed or not
    parameter bit SIGNED = 1'b1,
    parameter int W = 12,          // of a sum, modulo 2^W
    localparam int M = (N + 2 ** LEVELS - 1) / 2 ** LEVELS
) (
    input  logic            clk,
    input  logic [N*XW-1:0] terms,
    input  logic [N-1:0]    carries,
    output logic [M*W-1:0]  sums,
    output logic [M-1:0]    rest
);
    if (LEVELS == 0) begin : leaf
        for (genvar i = 0; i < N; i++) begin : term
            assign sums[i*W+:W] = SIGNED ? W'($signed(terms[i*XW+:XW])) : W'(terms[i*XW+:XW]);
        end
        assign rest = carries;
        wire unused_clk = clk;
    end else begin : node
        localparam int HALF = (N + 1) / 2, HW = XW + 1 < W ? XW + 1 : W;
        logic [HALF*HW-1:0] halves;
        logic [HALF-1:0] passed;
        for (genvar i = 0; i < HALF; i++) begin : pair
            wire [HW-1:0] low = SIGNED ? HW'($signed(terms[2*i*XW+:XW])) : HW'(terms[2*i*XW+:XW]);
            if (2 * i + 1 < N) begin : two
                wire [HW-1:0] high = SIGNED ? HW'($signed(terms[(2*i+1)*XW+:XW])) : HW'(terms[(2*i+1)*XW+:XW]);
                always_ff @(posedge clk) begin
                    halves[i*HW+:HW] <= low + high + HW'({1'b0, carries[2*i]});
                    passed[i] <= carries[2*i+1];
                end
            end else begin : one
                always_ff @(posedge clk) begin
                    halves[i*HW+:HW] <= low;
                    passed[i] <= carries[2*i];
                end
            end
        end
        accel_tree #(.N(HALF), .LEVELS(LEVELS - 1), .XW(HW), .SIGNED(SIGNED), .W(W))
            next (.clk, .terms(halves), .carries(passed), .sums, .rest);
    end
endmodule
