// Reports every valid beat of a stream to the simulation (`accel_tap_word` of the harness). Not for synthesis:
// the design instantiates it only under ACCEL_TRACE.
`ifdef ACCEL_TRACE
module accel_tap #(
    parameter int BITS = 8,
    parameter int ID = 0
) (
    input logic            clk,
    input logic            valid,
    input logic [BITS-1:0] data
);
    import "DPI-C" function void accel_tap_word(input int id, input int word);
    localparam int WORDS = (BITS + 31) / 32;
    wire [32*WORDS-1:0] padded = (32 * WORDS)'(data);
    always_ff @(posedge clk) if (valid) for (int i = 0; i < WORDS; i++) accel_tap_word(ID, padded[32*i+:32]);
endmodule
`endif
