// Gowin multiplier as yosys infers it: combinational, every register bypassed, operands from A and B.
// DOUT = A * B, each operand signed when its SIGN pin is 1. Latency 0.
module MULT9X9 (
    input  logic CLK, CE, RESET,
    input  logic [8:0] A, B,
    input  logic ASIGN, BSIGN,
    input  logic [8:0] SIA, SIB,
    input  logic ASEL, BSEL,
    output logic [17:0] DOUT
);
    logic signed [9:0] a, b;

    assign a = {ASIGN && A[8], A};
    assign b = {BSIGN && B[8], B};
    assign DOUT = 18'(a * b);
endmodule
