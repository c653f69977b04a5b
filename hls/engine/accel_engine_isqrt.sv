// Square root of one number at a time: root = floor(sqrt(x)), STEPS bits per cycle, the first ones in the cycle of
// `start`. Latency ceil(RBITS / STEPS): then `done`, and the root stays until the next start.
module accel_engine_isqrt #(
    parameter int RBITS = 18,
    parameter int STEPS = 3
) (
    input  logic               clk,
    input  logic               rst,
    input  logic               start,
    input  logic [2*RBITS-1:0] x,
    output logic               done,
    output logic [RBITS-1:0]   root
);
    localparam int CYCLES = (RBITS + STEPS - 1) / STEPS;
    localparam int N = CYCLES * STEPS;  // zeros in front of x fill the first cycle
    localparam logic [CYCLES-1:0] ENDED = CYCLES'(1) << (CYCLES - 1);
    logic [CYCLES-1:0] running;
    wire busy = start || (running & ~ENDED) != '0;
    logic [N:0] remainder;
    logic [N-1:0] found;
    logic [2*N-1:0] pending;
    logic [N:0] remainders[STEPS+1]  /* verilator split_var */;
    logic [N-1:0] roots[STEPS+1]  /* verilator split_var */;
    wire [2*N-1:0] operand = start ? (2 * N)'(x) : pending;
    assign remainders[0] = start ? '0 : remainder;
    assign roots[0]      = start ? '0 : found;
    for (genvar k = 0; k < STEPS; k++) begin : step
        // the remainder is at most twice the root, so that two more bits fit N + 2 bits and a difference has a sign
        wire [N+1:0] candidate = {remainders[k][N-1:0], operand[2*(N-k)-1-:2]};
        wire [N+1:0] trial = {roots[k], 2'b01};
        wire [N+2:0] difference = {1'b0, candidate} - {1'b0, trial};
        wire fits = !difference[N+2];
        assign remainders[k+1] = fits ? difference[N:0] : candidate[N:0];
        assign roots[k+1]      = N'({roots[k], fits});
        wire unused = difference[N+1];
    end
    always_ff @(posedge clk) begin
        running <= rst ? '0 : CYCLES'({running, start});
        if (busy) begin
            remainder <= remainders[STEPS];
            found     <= roots[STEPS];
            pending   <= operand << (2 * STEPS);
        end
    end
    assign done = running[CYCLES-1];
    assign root = found[RBITS-1:0];
endmodule
