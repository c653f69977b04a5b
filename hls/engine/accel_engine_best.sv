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
            logic [3:0] wins;
            accel_engine_first #(.N(4), .W(W)) first (.values(all[4*i*W+:4*W]), .wins);
            logic [W-1:0] value;
            logic [LW-1:0] place;
            always_comb begin
                value = '0;
                place = '0;
                for (int j = 0; j < 4; j++) begin
                    value = value | (all[(4*i+j)*W+:W] & {W{wins[j]}});
                    place = place | (all_lanes[(4*i+j)*LW+:LW] & {LW{wins[j]}});
                end
            end
            always_ff @(posedge clk) begin
                winners[i*W+:W] <= value;
                places[i*LW+:LW] <= place;
            end
        end
        accel_engine_best #(.N(M), .W(W), .LW(LW)) next (.clk, .values(winners), .lanes(places), .best, .best_lanes);
    end
endmodule
