// Constants read by address: data(t + 2) = words[address(t)].
// Two registers: the memory's own and one behind it, so that a block RAM never sits in front of logic.
module accel_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter bit BLOCK = 1'b0,  // block RAM instead of look-up tables
    parameter FILE = "rom.hex",
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic             clk,
    input  logic [AW-1:0]    address,
    output logic [WIDTH-1:0] data
);
    logic [WIDTH-1:0] word;
    if (BLOCK) begin : block
        (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) word <= words[address];
    end else begin : logic_
        (* rom_style = "logic" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) word <= words[address];
    end
    always_ff @(posedge clk) data <= word;
endmodule
