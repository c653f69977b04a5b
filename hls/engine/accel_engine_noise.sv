// Adds noise to P rows per cycle where `enable` says so: sums = values + (word of the table << UP), signed. Latency 3.
// Lane l has a register x of 32 bits. `start` makes it seed ^ (position << 8) ^ (l + 1) * 0x9E3779B1 with the highest bit
// set; x += x << 10, x ^= x >> 6 is a step, in each of the 16 cycles behind `start` and behind every valid block.
// The table's address is {zeros in front of x, at most 24; the lowest 5 bits of x}.
module accel_engine_noise #(
    parameter int P = 8,
    parameter int XW = 24,
    parameter int W = 25,  // of a sum
    parameter int PW = 8,  // of a position
    parameter int NW = 12,  // of a word, signed
    parameter int UP = 0,
    parameter bit BLOCK = 1'b1,
    parameter FILE = "noise.hex"
) (
    input  logic            clk,
    input  logic            rst,
    input  logic            start,
    input  logic [PW-1:0]   position,
    input  logic [31:0]     seed,
    input  logic            enable,
    input  logic            valid,
    input  logic [P*XW-1:0] values,
    output logic [P*W-1:0]  sums
);
    localparam int HEAD = 24, TAIL = 5, AW = 10;
    logic [4:0] warming;
    wire moves = valid || warming != 5'd0;
    wire [31:0] begins = seed ^ (32'(position) << 8);
    always_ff @(posedge clk)
        if (rst) warming <= 5'd0;
        else if (start) warming <= 5'd16;
        else if (warming != 5'd0) warming <= warming - 5'd1;
    logic [P*AW-1:0] addresses;
    logic [P*NW-1:0] words;
    for (genvar l = 0; l < P; l++) begin : lane
        localparam logic [31:0] MINE = 32'((64'(l) + 64'd1) * 64'h9E3779B1);
        logic [31:0] state;
        wire [31:0] once = state + (state << 10);
        always_ff @(posedge clk)
            if (start) state <= (begins ^ MINE) | 32'h80000000;
            else if (moves) state <= once ^ (once >> 6);
        logic [4:0] zeros;
        always_comb begin
            zeros = 5'(HEAD);
            for (int i = 0; i < HEAD; i++) if (state[32-HEAD+i]) zeros = 5'(HEAD - 1 - i);
        end
        assign addresses[l*AW+:AW] = {zeros, state[TAIL-1:0]};
        logic [2*XW-1:0] waiting;
        always_ff @(posedge clk) begin
            waiting <= (2 * XW)'({waiting, values[l*XW+:XW]});
            sums[l*W+:W] <= W'($signed(waiting[2*XW-1-:XW])) + (W'($signed(words[l*NW+:NW])) <<< UP);
        end
    end
    accel_engine_exponentials #(.P(P), .AW(AW), .WIDTH(NW), .DEPTH(2 ** AW), .SLOW(1'b1), .BLOCK(BLOCK), .FILE(FILE))
        memory (.clk, .visible({P{enable}}), .addresses, .shares(words));
endmodule
