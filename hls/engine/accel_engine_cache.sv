// Keys and values of all layers and positions. A word of keys has N channels of ROWS keys, a word of values N keys of
// ROWS channels; they are written ROWS channels of one position at a time.
//
//   cycle 0   key_read, value_read: addresses
//   cycle 1   digit, values, attends: which 4 bits of a number are wanted, of the values or of the keys
//             digits: these, or without `attends` the `weights`
//
// A write in cycle t can be read in cycle t + 1.
module accel_engine_cache #(
    parameter int ROWS = 16,
    parameter int N = 16,
    parameter int KEY_PLANES = 2,
    parameter int VALUE_PLANES = 2,
    parameter int KEY_DEPTH = 16,
    parameter int VALUE_DEPTH = 16,
    parameter bit BLOCK = 1'b0,
    parameter int PW = 4,                  // of a position
    parameter int DIGITW = 1,
    localparam int RATIO = N / ROWS,
    localparam int SEGW = RATIO > 1 ? $clog2(RATIO) : 1,
    localparam int KA = KEY_DEPTH > 1 ? $clog2(KEY_DEPTH) : 1,
    localparam int VA = VALUE_DEPTH > 1 ? $clog2(VALUE_DEPTH) : 1,
    localparam int KW = 4 * KEY_PLANES,
    localparam int VW = 4 * VALUE_PLANES,
    localparam int MOST = KEY_PLANES > VALUE_PLANES ? KEY_PLANES : VALUE_PLANES,
    localparam int DW = MOST > 1 ? $clog2(MOST) : 1  // bits of the number of a digit
) (
    input  logic               clk,
    input  logic [PW-1:0]      position,
    input  logic               key_write,
    input  logic [KA-1:0]      key_target,
    input  logic [SEGW-1:0]    key_segment,  // block of the word
    input  logic [ROWS*KW-1:0] key,
    input  logic               value_write,
    input  logic [VA-1:0]      value_target,
    input  logic [ROWS*VW-1:0] value,
    input  logic [KA-1:0]      key_read,
    input  logic [VA-1:0]      value_read,
    input  logic [DIGITW-1:0]  digit,        // cycle 1
    input  logic               attends,      // cycle 1
    input  logic               values,       // cycle 1
    input  logic [ROWS*N*4-1:0] weights,     // cycle 1
    output logic [ROWS*N*4-1:0] digits
);
    logic [ROWS*N*KW-1:0] keys;
    for (genvar r = 0; r < ROWS; r++) begin : key_row
        for (genvar s = 0; s < RATIO; s++) begin : segment
            accel_engine_memory #(.WIDTH(ROWS * KW), .DEPTH(KEY_DEPTH), .BLOCK(BLOCK)) memory
                (.clk, .write(key_write && (32'(position) & (ROWS - 1)) == r && 32'(key_segment) == s),
                 .target(key_target), .data(key), .read(key_read),
                 .word(keys[(r*RATIO+s)*ROWS*KW+:ROWS*KW]));
        end
    end
    logic [N*ROWS*VW-1:0] columns;
    for (genvar n = 0; n < N; n++) begin : value_column
        accel_engine_memory #(.WIDTH(ROWS * VW), .DEPTH(VALUE_DEPTH), .BLOCK(BLOCK)) memory
            (.clk, .write(value_write && (32'(position) & (N - 1)) == n), .target(value_target), .data(value),
             .read(value_read), .word(columns[n*ROWS*VW+:ROWS*VW]));
    end
    wire [DW-1:0] part = DW'(digit);
    wire unused = ^digit;
    for (genvar r = 0; r < ROWS; r++) begin : row
        logic [N*4-1:0] chosen;
        // words are cut in their branches: a simulator then cuts none where weights are chosen
        always_comb
            if (!attends) chosen = weights[r*N*4+:N*4];
            else if (values) for (int n = 0; n < N; n++)
                chosen[n*4+:4] = 4'(columns[(n*ROWS+r)*VW+:VW] >> {part, 2'b00});
            else for (int n = 0; n < N; n++) chosen[n*4+:4] = 4'(keys[(r*N+n)*KW+:KW] >> {part, 2'b00});
        assign digits[r*N*4+:N*4] = chosen;
    end
endmodule
