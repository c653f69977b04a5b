// Shares of attention, as the values read them: a word of RATIO blocks of LANES keys for each of BANKS heads side by
// side, written block by block. words(t + 1) are those of address `read`; block(t + 1) is the block `read_block` of bank
// `read_bank` of the same address.
module accel_engine_shares #(
    parameter int LANES = 16,
    parameter int RATIO = 1,
    parameter int BANKS = 1,
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter bit BLOCK_RAM = 1'b0,
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1,
    localparam int BW = BANKS > 1 ? $clog2(BANKS) : 1,
    localparam int RW = RATIO > 1 ? $clog2(RATIO) : 1
) (
    input  logic                               clk,
    input  logic                               write,
    input  logic [AW-1:0]                      target,
    input  logic [BW-1:0]                      target_bank,
    input  logic [RW-1:0]                      target_block,
    input  logic [LANES*WIDTH-1:0]             data,
    input  logic [AW-1:0]                      read,
    input  logic [BW-1:0]                      read_bank,
    input  logic [RW-1:0]                      read_block,
    output logic [BANKS*RATIO*LANES*WIDTH-1:0] words,
    output logic [LANES*WIDTH-1:0]             block
);
    for (genvar b = 0; b < BANKS; b++) begin : bank
        for (genvar s = 0; s < RATIO; s++) begin : segment
            accel_engine_memory #(.WIDTH(LANES * WIDTH), .DEPTH(DEPTH), .BLOCK(BLOCK_RAM)) memory
                (.clk, .write(write && 32'(target_bank) == b && 32'(target_block) == s), .target, .data, .read,
                 .word(words[(b*RATIO+s)*LANES*WIDTH+:LANES*WIDTH]));
        end
    end
    logic [BW-1:0] bank_now;
    logic [RW-1:0] block_now;
    always_ff @(posedge clk) begin
        bank_now <= read_bank;
        block_now <= read_block;
    end
    assign block = words[(32'(bank_now)*RATIO+32'(block_now))*LANES*WIDTH+:LANES*WIDTH];
endmodule
