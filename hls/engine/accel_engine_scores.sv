// Scores of all heads, and the largest one of each. A block of LANES keys is written at `valid`, the largest score of its
// head is known LEVELS cycles later (ceil(log4(LANES)), at least 1); the first block of a head begins it anew.
// Keys behind the position do not count: `visible` of the block that is read. `coming` is the block of the next cycle.
//
//   cycle 0   read_head, read_block
//   cycle 1   scores, largest, visible
module accel_engine_scores #(
    parameter int LANES = 16,
    parameter int WIDTH = 10,
    parameter int HEADS = 4,
    parameter int BLOCKS = 1,              // of a head
    parameter bit BLOCK_RAM = 1'b0,
    parameter int PW = 4,
    localparam int HW = HEADS > 1 ? $clog2(HEADS) : 1,
    localparam int BW = BLOCKS > 1 ? $clog2(BLOCKS) : 1
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic [PW-1:0]          position,
    input  logic                   valid,
    input  logic [HW-1:0]          head,
    input  logic [BW-1:0]          coming,
    input  logic [BW-1:0]          block,
    input  logic [LANES*WIDTH-1:0] values,
    input  logic [HW-1:0]          read_head,
    input  logic [BW-1:0]          read_block,
    output logic [LANES*WIDTH-1:0] scores,
    output logic [WIDTH-1:0]       largest,
    output logic [LANES-1:0]       visible
);
    localparam int SHIFT = $clog2(BLOCKS), DEPTH = HEADS << SHIFT, AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    accel_engine_memory #(.WIDTH(LANES * WIDTH), .DEPTH(DEPTH), .BLOCK(BLOCK_RAM)) memory
        (.clk, .write(valid), .target((AW'(head) << SHIFT) | AW'(block)), .data(values),
         .read((AW'(read_head) << SHIFT) | AW'(read_block)), .word(scores));

    localparam logic [WIDTH-1:0] LEAST = {1'b1, {(WIDTH - 1) {1'b0}}};
    logic [LANES*WIDTH-1:0] counted;
    for (genvar l = 0; l < LANES; l++) begin : lane
        logic hidden;
        always_ff @(posedge clk) hidden <= (32'(coming) * LANES) + l > 32'(position);
        assign counted[l*WIDTH+:WIDTH] = hidden ? LEAST : values[l*WIDTH+:WIDTH];
    end
    localparam int LEVELS = LANES > 4 ? ($clog2(LANES) + 1) / 2 : 1, TAG = HW + 2;
    localparam int LW = LANES > 1 ? $clog2(LANES) : 1;
    logic [4*WIDTH-1:0] best;
    logic [4*LW-1:0] no_lanes;
    accel_engine_best #(.N(LANES), .W(WIDTH), .LW(LW)) tree
        (.clk, .values(counted), .lanes('0), .best, .best_lanes(no_lanes));
    wire [TAG-1:0] now = {valid, head, block == '0};
    logic [TAG-1:0] then_;
    if (LEVELS == 1) begin : at_once
        assign then_ = now;
        wire unused = rst;
    end else begin : later
        logic [(LEVELS-1)*TAG-1:0] line;
        accel_engine_delay #(.WIDTH(TAG), .STAGES(LEVELS - 1)) tags (.clk, .rst, .d(now), .stages(line));
        assign then_ = line[(LEVELS-2)*TAG+:TAG];
    end
    logic came, fresh;
    logic [HW-1:0] whose, reader;
    assign {came, whose, fresh} = then_;
    logic [WIDTH-1:0] most[2**HW];
    wire [WIDTH-1:0] earlier = most[whose];
    // the last four scores and the largest so far: all comparisons beside each other, with
    // signs flipped as in accel_engine_first
    logic [3:0] wins, larger;
    logic [WIDTH-1:0] winner;
    accel_engine_first #(.N(4), .W(WIDTH)) choice (.values(best), .wins);
    always_comb begin
        winner = '0;
        for (int j = 0; j < 4; j++) begin
            larger[j] = (best[j*WIDTH+:WIDTH] ^ LEAST) > (earlier ^ LEAST);
            winner = winner | (best[j*WIDTH+:WIDTH] & {WIDTH{wins[j]}});
        end
    end
    always_ff @(posedge clk) begin
        if (came && (fresh || larger != '0)) most[whose] <= winner;
        reader <= read_head;
    end
    wire unused_lanes = ^no_lanes;
    assign largest = most[reader];
    for (genvar l = 0; l < LANES; l++) begin : seen
        always_ff @(posedge clk) visible[l] <= (32'(read_block) * LANES) + l <= 32'(position);
    end
endmodule
