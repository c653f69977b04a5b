// y = clip(round(x * m / 2^s), lo, hi) for LANES lanes: x and m in cycle 0, the product in cycle 1, y in cycle 2.
// `places` (cycle 1) is s - LEAST, 0 .. MOST - LEAST, one for the lanes of a bank. `even` (cycle 1) rounds halves to the
// even neighbour, where EVEN has it built in, otherwise up.
module accel_engine_round #(
    parameter int LANES = 16,
    parameter int BANKS = 1,
    parameter int GROUP = LANES,  // lanes of a bank
    parameter int XW = 20,
    parameter int MW = 18,     // unsigned
    parameter int YW = 16,
    parameter int LEAST = 10,
    parameter int MOST = 16,
    parameter int SW = 3,
    parameter bit EVEN = 1'b0,
    localparam int PW = XW + MW + 1
) (
    input  logic                clk,
    input  logic [LANES*XW-1:0] x,
    input  logic [LANES*MW-1:0] m,
    input  logic [BANKS*SW-1:0] places,
    input  logic                even,
    input  logic [YW-1:0]       lo,
    input  logic [YW-1:0]       hi,
    output logic [LANES*PW-1:0] product,
    output logic [LANES*YW-1:0] y
);
    localparam int SPAN = MOST - LEAST;
    localparam int FW = PW + SPAN + 1;                         // the point is at bit MOST + 1, so there is always a half
    localparam int QW = FW - MOST > YW + 2 ? FW - MOST : YW + 2;
    for (genvar l = 0; l < LANES; l++) begin : lane
        localparam int BANK = l / GROUP < BANKS ? l / GROUP : BANKS - 1;
        logic signed [PW-1:0] p;
        always_ff @(posedge clk) p <= PW'($signed(x[l*XW+:XW])) * PW'($signed({1'b0, m[l*MW+:MW]}));
        assign product[l*PW+:PW] = p;
        wire [31:0] left = SPAN + 1 - 32'(places[BANK*SW+:SW]);
        wire signed [FW-1:0] wide = FW'(p) <<< left;
        wire signed [QW-1:0] floor_ = QW'(wide >>> (MOST + 1));
        wire up = wide[MOST] && (!EVEN || !even || floor_[0] || |wide[MOST-1:0]);
        wire signed [QW-1:0] q = floor_ + QW'({1'b0, up});
        always_ff @(posedge clk)
            y[l*YW+:YW] <= q > QW'($signed(hi)) ? hi : q < QW'($signed(lo)) ? lo : q[YW-1:0];
    end
    if (!EVEN) begin : up_only
        logic unused;
        assign unused = even;
    end
endmodule
