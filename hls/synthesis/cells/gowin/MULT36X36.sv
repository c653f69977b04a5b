// Gowin multiplier as yosys infers it: combinational, every register bypassed, operands from A and B.
// DOUT = A * B, each operand signed when its SIGN pin is 1. Latency 0.
module MULT36X36 (
    input  logic CLK, CE, RESET,
    input  logic [35:0] A, B,
    input  logic ASIGN, BSIGN,
    output logic [71:0] DOUT
);
    logic signed [36:0] a, b;

    assign a = {ASIGN && A[35], A};
    assign b = {BSIGN && B[35], B};
    assign DOUT = 72'(a * b);
endmodule
