// The largest signed values of groups of four, the first of equal ones, with their lanes, until at most four are left:
// those, and least values that never win. A register behind each level. Latency ceil(log4(N)) - 1, 0 for N <= 4.
module accel_engine_best #(
    parameter int N = 16,
    parameter int W = 20,
    parameter int LW = 4  // of a lane
) (
    input  logic            clk,
    input  logic [N*W-1:0]  values,
    input  logic [N*LW-1:0] lanes,
    output logic [4*W-1:0]  best,
    output logic [4*LW-1:0] best_lanes
);
    localparam logic [W-1:0] LEAST = {1'b1, {(W - 1) {1'b0}}};
    localparam int M = (N + 3) / 4;
    logic [4*M*W-1:0] all;
    wire [4*M*LW-1:0] all_lanes = (4 * M * LW)'(lanes);
    for (genvar i = 0; i < 4 * M; i++) begin : term
        if (i < N) begin : real_
            assign all[i*W+:W] = values[i*W+:W];
        end else begin : none
            assign all[i*W+:W] = LEAST;
        end
    end
    if (N <= 4) begin : leaf
        assign best = all;
        assign best_lanes = all_lanes;
        wire unused_clk = clk;
    end else begin : node
        logic [M*W-1:0] winners;
        logic [M*LW-1:0] places;
        for (genvar i = 0; i < M; i++) begin : four
            wire signed [W-1:0] a = all[4*i*W+:W], b = all[(4*i+1)*W+:W], c = all[(4*i+2)*W+:W], d = all[(4*i+3)*W+:W];
            wire second = b > a, fourth = d > c;
            wire signed [W-1:0] low = second ? b : a, high = fourth ? d : c;
            wire upper = high > low;
            always_ff @(posedge clk) begin
                winners[i*W+:W] <= upper ? high : low;
                places[i*LW+:LW] <= upper ? (fourth ? all_lanes[(4*i+3)*LW+:LW] : all_lanes[(4*i+2)*LW+:LW])
                    : second ? all_lanes[(4*i+1)*LW+:LW] : all_lanes[4*i*LW+:LW];
            end
        end
        accel_engine_best #(.N(M), .W(W), .LW(LW)) next (.clk, .values(winners), .lanes(places), .best, .best_lanes);
    end
endmodule
