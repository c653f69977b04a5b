// Adds unsigned terms in groups of four, a register behind each, until at most four sums are left: those and zeros.
// Latency ceil(log4(N)) - 1, 0 for N <= 4.
module accel_engine_sums #(
    parameter int N = 16,
    parameter int XW = 12,
    parameter int W = 16
) (
    input  logic            clk,
    input  logic [N*XW-1:0] terms,
    output logic [4*W-1:0]  sums
);
    if (N <= 4) begin : leaf
        wire [4*XW-1:0] all = (4 * XW)'(terms);
        for (genvar i = 0; i < 4; i++) begin : term
            assign sums[i*W+:W] = W'(all[i*XW+:XW]);
        end
        wire unused_clk = clk;
    end else begin : node
        localparam int M = (N + 3) / 4, SW = XW + 2 < W ? XW + 2 : W;
        wire [4*M*XW-1:0] all = (4 * M * XW)'(terms);
        logic [M*SW-1:0] fours;
        for (genvar i = 0; i < M; i++) begin : four
            always_ff @(posedge clk)
                fours[i*SW+:SW] <= (SW'(all[4*i*XW+:XW]) + SW'(all[(4*i+1)*XW+:XW]))
                    + (SW'(all[(4*i+2)*XW+:XW]) + SW'(all[(4*i+3)*XW+:XW]));
        end
        accel_engine_sums #(.N(M), .XW(SW), .W(W)) next (.clk, .terms(fours), .sums);
    end
endmodule
