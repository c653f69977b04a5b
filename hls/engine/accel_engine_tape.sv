// Constants in the order of their use, from the first to the last and again: `data` is the next one a cycle after `take`,
// and the word behind it waits in a register, so that a block RAM never sits in front of logic. With AHEAD `data` is that
// waiting word, in the cycle of `take`, for who has a register of his own. `ready` says that a word may be
// taken: always, three cycles after the reset. In a traced simulation it may not: pauses.hex has the number of cycles in
// 256 without a word, and a seed above 0.
module accel_engine_tape #(
    parameter int WIDTH = 64,
    parameter int DEPTH = 16,
    parameter bit BLOCK = 1'b0,  // block RAM instead of look-up tables
    parameter FILE = "tape.hex",
    parameter bit AHEAD = 1'b0,
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             take,
    output logic             ready,
    output logic [WIDTH-1:0] data
);
    logic [AW-1:0] place;
    logic [WIDTH-1:0] waiting;
    logic filled;
    wire step = take || !filled;
    always_ff @(posedge clk) begin
        if (step) place <= place == AW'(DEPTH - 1) ? '0 : place + 1'b1;
        filled <= !rst;
        if (rst) place <= '0;
    end
    if (AHEAD) begin : ahead
        assign data = waiting;
    end else begin : behind
        always_ff @(posedge clk) if (take) data <= waiting;
    end
    if (BLOCK) begin : block
        (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) if (step) waiting <= words[place];
    end else begin : distributed
        (* rom_style = "logic" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) if (step) waiting <= words[place];
    end
`ifdef ACCEL_TRACE
    logic [31:0] pauses[2], state;
    initial $readmemh("pauses.hex", pauses);
    wire [31:0] a = state ^ (state << 13);
    wire [31:0] b = a ^ (a >> 17);
    always_ff @(posedge clk) state <= rst ? pauses[1] : b ^ (b << 5);
    assign ready = filled && 32'(state[7:0]) >= pauses[0];
`else
    assign ready = filled;
`endif
endmodule
