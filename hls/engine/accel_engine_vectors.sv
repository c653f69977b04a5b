// The vectors that matrices and queries read: words of RATIO blocks of LANES numbers, written block by block, in look-up
// tables. word = words[read] without a register; a block that is written in cycle t can be read in cycle t + 1.
module accel_engine_vectors #(
    parameter int LANES = 16,
    parameter int RATIO = 1,
    parameter int WIDTH = 9,
    parameter int DEPTH = 16,
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1,
    localparam int IW = $clog2(DEPTH * RATIO) > 0 ? $clog2(DEPTH * RATIO) : 1
) (
    input  logic                         clk,
    input  logic                         write,
    input  logic [IW-1:0]                index,
    input  logic [LANES*WIDTH-1:0]       data,
    input  logic [AW-1:0]                read,
    output logic [RATIO*LANES*WIDTH-1:0] word
);
    wire [AW-1:0] target = AW'(index >> $clog2(RATIO));
    for (genvar b = 0; b < RATIO; b++) begin : bank
        (* ram_style = "distributed" *) logic [LANES*WIDTH-1:0] words[DEPTH];
        always_ff @(posedge clk) if (write && (32'(index) & (RATIO - 1)) == b) words[target] <= data;
        assign word[b*LANES*WIDTH+:LANES*WIDTH] = words[read];
    end
endmodule
