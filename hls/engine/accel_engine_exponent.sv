// The exponent of a vector, which comes LANES signed numbers at a time: max(0, bits of the largest magnitude - (BITS - 1)).
//
//   cycle 0   valid, first (block of the vector), data
//   cycle 1   the bits that any magnitude of the block has
//   cycle 2   the bits that any magnitude of the vector has
//   cycle 3   exponent, which stays until the next vector comes
module accel_engine_exponent #(
    parameter int LANES = 16,
    parameter int WIDTH = 16,
    parameter int BITS = 8,  // of a mantissa
    parameter int EW = 4
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   valid,
    input  logic                   first,
    input  logic [LANES*WIDTH-1:0] data,
    output logic [EW-1:0]          exponent
);
    logic [WIDTH-1:0] any, block;
    always_comb begin
        any = '0;
        for (int l = 0; l < LANES; l++)
            any = any | (data[(l+1)*WIDTH-1] ? -data[l*WIDTH+:WIDTH] : data[l*WIDTH+:WIDTH]);
    end
    logic there, begins;
    always_ff @(posedge clk) begin
        there  <= valid && !rst;
        begins <= first;
        block  <= any;
    end
    accel_exponent #(.XW(WIDTH), .BITS(BITS), .EW(EW)) found
        (.clk, .valid(there), .first(begins), .any(block), .exponent);
endmodule
