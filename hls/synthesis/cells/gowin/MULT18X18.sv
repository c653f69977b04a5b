// Gowin multiplier as yosys infers it: combinational, every register bypassed, operands from A and B.
// DOUT = A * B, each operand signed when its SIGN pin is 1. Latency 0.
module MULT18X18 (
    input  logic CLK, CE, RESET,
    input  logic [17:0] A, B,
    input  logic ASIGN, BSIGN,
    input  logic [17:0] SIA, SIB,
    input  logic ASEL, BSEL,
    output logic [35:0] DOUT
);
    logic signed [18:0] a, b;

    assign a = {ASIGN && A[17], A};
    assign b = {BSIGN && B[17], B};
    assign DOUT = 36'(a * b);
endmodule
