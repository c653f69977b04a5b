// Which of N signed values, at most four, is the largest: one bit of `wins`, of equal ones the first. All comparisons are
// beside each other, one for every pair. Signs are flipped in front, so that numbers without a sign are compared:
// otherwise synthesis looks at signs behind the chain of carries. Latency 0.
module accel_engine_first #(
    parameter int N = 4,
    parameter int W = 20
) (
    input  logic [N*W-1:0] values,
    output logic [N-1:0]   wins
);
    wire [N*W-1:0] flipped = values ^ {N{W'(1) << (W - 1)}};
    logic [N*N-1:0] over;  // of j over k, at j N + k
    for (genvar j = 0; j < N; j++) begin : candidate
        assign over[j*N+j] = 1'b1;
        assign wins[j] = &over[j*N+:N];
        for (genvar k = j + 1; k < N; k++) begin : later
            wire not_less = flipped[j*W+:W] >= flipped[k*W+:W];
            assign over[j*N+k] = not_less;
            assign over[k*N+j] = !not_less;
        end
    end
endmodule
