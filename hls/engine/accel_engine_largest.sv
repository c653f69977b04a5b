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
        logic [COUNT-1:0] wins;  // all comparisons beside each other; of equal ones the first wins
        for (genvar j = 0; j < COUNT; j++) begin : candidate
            wire signed [WIDTH-1:0] mine = values[(4*i+j)*WIDTH+:WIDTH];
            logic [COUNT-1:0] over;
            for (genvar k = 0; k < COUNT; k++) begin : other
                wire signed [WIDTH-1:0] its = values[(4*i+k)*WIDTH+:WIDTH];
                if (k < j) begin : lower
                    assign over[k] = mine > its;
                end else begin : higher
                    assign over[k] = k == j || mine >= its;
                end
            end
            assign wins[j] = &over;
        end
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
