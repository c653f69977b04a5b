// The largest of N signed numbers, in levels of four with a register between two levels: latency ceil(log4(N)) - 1.
module accel_engine_largest #(
    parameter int N = 16,
    parameter int WIDTH = 10
) (
    input  logic               clk,
    input  logic [N*WIDTH-1:0] values,
    output logic [WIDTH-1:0]   largest
);
    localparam int M = (N + 3) / 4;
    logic [M*WIDTH-1:0] winners;
    for (genvar i = 0; i < M; i++) begin : four
        // where there is no number, the first one again
        wire signed [WIDTH-1:0] a = values[4*i*WIDTH+:WIDTH];
        wire signed [WIDTH-1:0] b = values[(4*i+1<N?4*i+1:4*i)*WIDTH+:WIDTH];
        wire signed [WIDTH-1:0] c = values[(4*i+2<N?4*i+2:4*i)*WIDTH+:WIDTH];
        wire signed [WIDTH-1:0] d = values[(4*i+3<N?4*i+3:4*i)*WIDTH+:WIDTH];
        wire signed [WIDTH-1:0] low = a > b ? a : b, high = c > d ? c : d, most = low > high ? low : high;
        assign winners[i*WIDTH+:WIDTH] = most;
    end
    if (M == 1) begin : root
        assign largest = winners;
        logic unused;
        assign unused = clk;
    end else begin : node
        logic [M*WIDTH-1:0] registered;
        always_ff @(posedge clk) registered <= winners;
        accel_engine_largest #(.N(M), .WIDTH(WIDTH)) next (.clk, .values(registered), .largest);
    end
endmodule
