// y = clip(round(x * m / 2^s), lo, hi) for LANES lanes: x and m in cycle 0, the product in cycle 1, y in cycle 2.
// `places` (cycle 0) is s - LEAST, 0 .. MOST - LEAST, one for the lanes of a bank. `even` (cycle 1) rounds halves to the
// even neighbour, where EVEN has it built in, otherwise up. Limits come in cycle 1.
//
// Twice the quotient is wanted, of a few bits: a place has a signal of its own, and a bit is an OR over all places. What
// lies above must be like the sign, otherwise y is a limit; what lies below decides halves. Masks for both, and the
// signals of the places, are registers beside the product.
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
    localparam int FIRST = LEAST + BELOW, LAST = MOST + BELOW, COUNT = LAST - FIRST + 1;
    localparam int QW = YW + 2;  // twice the quotient, where it is within the reach of the limits
    localparam int FW = PW + BELOW + 1 > LAST + QW ? PW + BELOW + 1 : LAST + QW;  // twice the product
    wire signed [QW-1:0] low = QW'($signed({lo, 1'b0})), high = QW'($signed({hi, 1'b0}));
    logic [COUNT-1:0] hot[BANKS];
    logic [FW-1:0] above[BANKS];  // bits that must be like the sign
    logic [LAST:0] below[BANKS];  // bits behind twice the quotient
    for (genvar b = 0; b < BANKS; b++) begin : bank
        wire [31:0] place = 32'(places[b*SW+:SW]);
        for (genvar i = 0; i < COUNT; i++) begin : one
            always_ff @(posedge clk) hot[b][i] <= place == i;
        end
        for (genvar i = 0; i < FW; i++) begin : high_bit
            always_ff @(posedge clk) above[b][i] <= i >= FIRST + QW - 1 + place;
        end
        for (genvar i = 0; i <= LAST; i++) begin : low_bit
            always_ff @(posedge clk) below[b][i] <= i < FIRST + place;
        end
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        localparam int BANK = l / GROUP < BANKS ? l / GROUP : BANKS - 1;
        logic signed [PW-1:0] p;
        accel_engine_wide_product #(.XW(XW), .MW(MW)) multiply
            (.clk, .x(x[l*XW+:XW]), .m(m[l*MW+:MW]), .product(p));
        assign product[l*PW+:PW] = p;
        wire signed [FW-1:0] wide = FW'(p) <<< (BELOW + 1);
        logic [QW-1:0] chosen;
        always_comb begin
            chosen = '0;
            for (int i = 0; i < COUNT; i++) chosen = chosen | (wide[FIRST+i+:QW] & {QW{hot[BANK][i]}});
        end
        wire signed [QW-1:0] doubled = chosen;
        wire beyond = |((wide ^ {FW{wide[FW-1]}}) & above[BANK]);
        wire [YW-1:0] floor_ = doubled[YW:1];
        logic up;
        if (EVEN) begin : to_even
            assign up = doubled[0] && (!even || floor_[0] || |(wide[LAST:0] & below[BANK]));
        end else begin : to_above
            assign up = doubled[0];
            wire unused = ^below[BANK];
        end
        wire [YW-1:0] q = floor_ + YW'({1'b0, up});
        // twice the quotient is compared, beside the addition: where it is a limit's half, rounding or clipping gives
        // the limit
        wire over = beyond ? !wide[FW-1] : doubled > high, under = beyond ? wide[FW-1] : doubled < low;
        logic [YW-1:0] clipped;
        always_ff @(posedge clk) clipped <= over ? hi : under ? lo : q;
        assign y[l*YW+:YW] = clipped;
    end
    if (!EVEN) begin : up_only
        logic unused;
        assign unused = even;
    end
endmodule
