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
        localparam int COUNT = N - 4 * i < 4 ? N - 4 * i : 4;
        logic [COUNT-1:0] wins;
        accel_engine_first #(.N(COUNT), .W(WIDTH)) first (.values(values[4*i*WIDTH+:COUNT*WIDTH]), .wins);
        logic [WIDTH-1:0] most;
        always_comb begin
            most = '0;
            for (int j = 0; j < COUNT; j++) most = most | (values[(4*i+j)*WIDTH+:WIDTH] & {WIDTH{wins[j]}});
        end
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
