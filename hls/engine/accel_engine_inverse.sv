// Reciprocal of one number at a time: quotient = floor(2^NUMERATOR / divisor), STEPS bits per cycle, the first ones in
// the cycle of `start`. Latency ceil(QBITS / STEPS): then `done`, and the quotient stays until that of the next number.
// The divisor stays as it is until `done`, and is above 2^(NUMERATOR - QBITS): the quotient fits QBITS bits.
module accel_engine_inverse #(
    parameter int DW = 18,
    parameter int QBITS = 20,
    parameter int NUMERATOR = 36,
    parameter int STEPS = 3
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             start,
    input  logic [DW-1:0]    divisor,
    output logic             done,
    output logic [QBITS-1:0] quotient
);
    localparam int CYCLES = (QBITS + STEPS - 1) / STEPS;
    localparam int MORE = CYCLES * STEPS - QBITS;  // bits of 2^NUMERATOR / divisor behind the point, which fill the last cycle
    localparam logic [DW-1:0] FIRST = DW'(1) << (NUMERATOR - QBITS);
    logic [CYCLES-1:0] running;
    wire [CYCLES-1:0] runs = CYCLES'({running, start});
    logic [DW-1:0] remainder;
    logic [QBITS+MORE-1:0] found;
    logic [DW-1:0] remainders[STEPS+1]  /* verilator split_var */;
    logic [QBITS+MORE-1:0] quotients[STEPS+1]  /* verilator split_var */;
    assign remainders[0] = start ? FIRST : remainder;
    assign quotients[0]  = start ? '0 : found;
    for (genvar k = 0; k < STEPS; k++) begin : step
        wire [DW:0] doubled = {remainders[k], 1'b0};
        wire [DW:0] difference = doubled - {1'b0, divisor};  // below the divisor, so the highest bit is its sign
        wire fits = !difference[DW];
        assign remainders[k+1] = fits ? difference[DW-1:0] : doubled[DW-1:0];
        assign quotients[k+1]  = (QBITS + MORE)'({quotients[k], fits});
    end
    always_ff @(posedge clk) begin
        running   <= rst ? '0 : runs;
        remainder <= remainders[STEPS];
        found     <= quotients[STEPS];
        if (runs[CYCLES-1]) quotient <= quotients[STEPS][QBITS+MORE-1:MORE];
    end
    assign done = running[CYCLES-1];
    if (MORE > 0) begin : behind
        wire unused = ^quotients[STEPS][MORE-1:0];
    end
endmodule
