// What an N:M row multiplies: of every M activations the N that its kept weights belong to; latency 1.
// In a group the n-th kept one is never before the n-th activation nor behind the (M - N + n)-th, so index[n] counts
// from n and a choice has M - N + 1 ways. The order is: row, group, kept.
module accel_select #(
    parameter int PE = 2,
    parameter int SIMD = 2,        // kept activations of a row
    parameter int N = 2,
    parameter int M = 4,
    parameter int AW = 8,
    localparam int IW = $clog2(M - N + 1)
) (
    input  logic                    clk,
    input  logic [SIMD/N*M*AW-1:0]  x,
    input  logic [PE*SIMD*IW-1:0]   index,
    output logic [PE*SIMD*AW-1:0]   a
);
    localparam int WAYS = M - N + 1;
    for (genvar k = 0; k < PE * SIMD; k++) begin : kept
        localparam int FROM = k % SIMD / N * M + k % N;
        wire [WAYS*AW-1:0] ways = x[FROM*AW+:WAYS*AW];
        logic [AW-1:0] chosen;
        always_comb begin
            chosen = ways[AW-1:0];
            for (int i = 1; i < WAYS; i++) if (index[k*IW+:IW] == IW'(i)) chosen = ways[i*AW+:AW];
        end
        always_ff @(posedge clk) a[k*AW+:AW] <= chosen;
    end
endmodule
