// The largest of N unsigned numbers, in levels of four, a register each. Latency max(1, ceil(log4(N))).
module accel_largest #(
    parameter int N = 8,
    parameter int XW = 8,
    localparam int M = (N + 3) / 4
) (
    input  logic            clk,
    input  logic [N*XW-1:0] values,
    output logic [XW-1:0]   largest
);
    wire [4*M*XW-1:0] all = (4 * M * XW)'(values);
    logic [M*XW-1:0] winners;
    for (genvar i = 0; i < M; i++) begin : four
        wire [XW-1:0] a = all[4*i*XW+:XW], b = all[(4*i+1)*XW+:XW], c = all[(4*i+2)*XW+:XW], d = all[(4*i+3)*XW+:XW];
        wire [XW-1:0] low = a > b ? a : b, high = c > d ? c : d;
        always_ff @(posedge clk) winners[i*XW+:XW] <= low > high ? low : high;
    end
    if (M == 1) begin : root
        assign largest = winners;
    end else begin : node
        accel_largest #(.N(M), .XW(XW)) next (.clk, .values(winners), .largest);
    end
endmodule
