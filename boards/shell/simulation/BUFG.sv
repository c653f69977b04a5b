// For simulation only: the 7-series global clock buffer.
module BUFG (
    input  logic I,
    output logic O
);
    assign O = I;
endmodule
