// Which of N signed values, at most four, is the largest: one bit of `wins`, of equal ones the first. All comparisons are
// beside each other. Latency 0.
module accel_engine_first #(
    parameter int N = 4,
    parameter int W = 20
) (
    input  logic [N*W-1:0] values,
    output logic [N-1:0]   wins
);
    for (genvar j = 0; j < N; j++) begin : candidate
        wire signed [W-1:0] mine = values[j*W+:W];
        logic [N-1:0] over;
        for (genvar k = 0; k < N; k++) begin : other
            wire signed [W-1:0] its = values[k*W+:W];
            if (k < j) begin : lower
                assign over[k] = mine > its;
            end else begin : higher
                assign over[k] = k == j || mine >= its;
            end
        end
        assign wins[j] = &over;
    end
endmodule
