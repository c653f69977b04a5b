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
    localparam int BELOW = LEAST < 0 ? -LEAST : 0;  // zeros below the product, for shifts to the left
    localparam int FIRST = LEAST + BELOW, LAST = MOST + BELOW;
    localparam int FW = PW + BELOW > LAST ? PW + BELOW + 1 : LAST + 2;  // twice the product
    localparam int QW = FW - FIRST > YW + 2 ? FW - FIRST : YW + 2;      // twice the quotient
    wire signed [QW-1:0] low = QW'($signed({lo, 1'b0})), high = QW'($signed({hi, 1'b0}));
    for (genvar l = 0; l < LANES; l++) begin : lane
        localparam int BANK = l / GROUP < BANKS ? l / GROUP : BANKS - 1;
        logic signed [PW-1:0] p;
        always_ff @(posedge clk) p <= PW'($signed(x[l*XW+:XW])) * PW'($signed({1'b0, m[l*MW+:MW]}));
        assign product[l*PW+:PW] = p;
        wire signed [FW-1:0] wide = FW'(p) <<< (BELOW + 1);
        wire signed [QW-1:0] least = QW'(wide >>> FIRST);
        wire signed [QW-1:0] doubled = least >>> places[BANK*SW+:SW];
        wire [YW-1:0] floor_ = doubled[YW:1];
        logic up;
        if (EVEN) begin : to_even
            wire [LAST:0] below = wide[LAST:0] << (LAST + 1 - FIRST - 32'(places[BANK*SW+:SW]));
            assign up = doubled[0] && (!even || floor_[0] || |below);
        end else begin : to_above
            assign up = doubled[0];
        end
        wire [YW-1:0] q = floor_ + YW'({1'b0, up});
        // twice the quotient is compared, beside the addition: where it is a limit's half, rounding or clipping gives
        // the limit
        logic [YW-1:0] clipped;
        always_ff @(posedge clk) clipped <= doubled > high ? hi : doubled < low ? lo : q;
        assign y[l*YW+:YW] = clipped;
    end
    if (!EVEN) begin : up_only
        logic unused;
        assign unused = even;
    end
endmodule
