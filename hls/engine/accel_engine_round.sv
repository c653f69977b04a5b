// y = clip(round(x * m / 2^s), lo, hi) for LANES lanes, two cycles after x and m, and the product a cycle after them.
// With x come the limits, `places`, s - LEAST in 0 .. MOST - LEAST, one for the lanes of a bank, and `even`: where EVEN
// has it built in, halves go to the even neighbour, otherwise up.
//
// Twice the quotient is wanted, of a few bits: a place has a signal of its own, and a bit is an OR over all places. What
// lies below decides halves. Limits are shifted to the left while the product grows, and it is compared with them while
// it is shifted to the right.
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
    localparam int QW = YW + 1;  // twice the quotient, where it is within the limits
    localparam int FW = PW + BELOW + 1 > LAST + QW ? PW + BELOW + 1 : LAST + QW;  // twice the product
    localparam int CW = FW - FIRST;  // what is compared of it
    localparam logic [CW-1:0] SIGN = CW'(1) << (CW - 1);  // is flipped: see accel_engine_first
    wire signed [CW-1:0] least = CW'($signed({lo, 1'b0})), beyond = CW'($signed({hi, 1'b1}));
    logic [COUNT-1:0] hot[BANKS];
    logic [CW-1:0] low[BANKS], high[BANKS];  // below the one, and from the other, it is clipped
    logic [LAST:0] below[BANKS];  // bits behind twice the quotient
    logic [YW-1:0] lower, upper;
    logic evenly;
    always_ff @(posedge clk) begin
        lower <= lo;
        upper <= hi;
        evenly <= even;
    end
    for (genvar b = 0; b < BANKS; b++) begin : bank
        wire [31:0] place = 32'(places[b*SW+:SW]);
        for (genvar i = 0; i < COUNT; i++) begin : one
            always_ff @(posedge clk) hot[b][i] <= place == i;
        end
        always_ff @(posedge clk) begin
            low[b] <= (least << place) ^ SIGN;
            high[b] <= (beyond << place) ^ SIGN;
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
        logic [QW-1:0] doubled;
        always_comb begin
            doubled = '0;
            for (int i = 0; i < COUNT; i++) doubled = doubled | (wide[FIRST+i+:QW] & {QW{hot[BANK][i]}});
        end
        wire [YW-1:0] floor_ = doubled[YW:1];
        logic up;
        if (EVEN) begin : to_even
            assign up = doubled[0] && (!evenly || floor_[0] || |(wide[LAST:0] & below[BANK]));
        end else begin : to_above
            assign up = doubled[0];
            wire unused = ^below[BANK];
        end
        wire [YW-1:0] q = floor_ + YW'({1'b0, up});
        wire [CW-1:0] compared = wide[FW-1:FIRST] ^ SIGN;
        wire over = compared >= high[BANK], under = compared < low[BANK];
        logic [YW-1:0] clipped;
        always_ff @(posedge clk) clipped <= over ? upper : under ? lower : q;
        assign y[l*YW+:YW] = clipped;
    end
    if (!EVEN) begin : up_only
        logic unused;
        assign unused = evenly;
    end
endmodule
