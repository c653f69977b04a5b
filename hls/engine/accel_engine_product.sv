// A product of a digit, -8..15, and a signed activation, made of look-up tables; product(t + 1). The digit is three
// digits to the base of 4 (Booth): -2..1, -2..2, and 0 or 1. A negative multiple is the complement of the
// positive one, and 1, which is a carry of the first addition or a bit that the last multiple leaves free.
module accel_engine_product #(
    parameter int AW = 9,
    localparam int W = AW + 4
) (
    input  logic                clk,
    input  logic signed [AW-1:0] x,
    input  logic signed [4:0]   digit,
    output logic [W-1:0]        product
);
    wire signed [W-1:0] once = W'(x), twice = once <<< 1;
    wire [2:0] window = digit[3:1];
    wire none = window == 3'd0 || window == 3'd7, two = window == 3'd3 || window == 3'd4;
    wire [W-1:0] low = digit[1:0] == 2'd0 ? '0 : digit[1:0] == 2'd2 ? twice : once;
    wire [W-1:0] middle = none ? '0 : two ? twice : once;
    wire [W-1:0] high = digit[4:3] == 2'b01 ? once <<< 4 : '0;
    wire [W-1:0] less = middle ^ {W{digit[3]}};  // times 4
    wire [W:0] both = {low ^ {W{digit[1]}}, digit[1]} + {less[W-3:0], 2'b00, digit[1]};
    wire [W-1:0] rest = high | (W'(digit[3]) << 2);
    always_ff @(posedge clk) product <= both[W:1] + rest;
    wire unused = ^{both[0], less[W-1:W-2]};
endmodule
