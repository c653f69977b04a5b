// A word of a memory that nobody writes: word = words[address of the cycle before], in block RAM or in look-up tables.
// The address is registered either way, so that a block RAM is as fast as look-up tables: latency 1.
module accel_engine_word #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "words.hex",
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic             clk,
    input  logic [AW-1:0]    address,
    output logic [WIDTH-1:0] word
);
    if (BLOCK) begin : block
        (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) word <= words[address];
    end else begin : logic_
        (* rom_style = "logic" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        logic [AW-1:0] registered;
        always_ff @(posedge clk) registered <= address;
        assign word = words[registered];
    end
endmodule
