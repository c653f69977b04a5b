// y = round(x / 2^SHIFT) without a register, in YW > XW - SHIFT bits, at least 2.
// MODE: 0 half to even, 1 half up (toward +inf), 2 half away from zero, 3 floor, 4 toward zero, 5 ceil,
// 6 away from zero, 7 half toward zero.
module accel_engine_rounded #(
    parameter int XW = 16,  // signed input
    parameter int SHIFT = 8,
    parameter int MODE = 1,
    parameter int YW = 9
) (
    input  logic signed [XW-1:0] x,
    output logic signed [YW-1:0] y
);
    localparam int EW = XW > SHIFT ? XW + 1 : SHIFT + 1;
    if (SHIFT == 0) begin : exact
        assign y = YW'(x);
    end else begin : rounding
        wire signed [EW-1:0] wide = EW'(x);
        wire signed [YW-1:0] floor_ = YW'(wide >>> SHIFT);
        wire half = wide[SHIFT-1], negative = x[XW-1];
        logic below;  // any bit below the half
        if (SHIFT > 1) begin : sticky
            assign below = |wide[SHIFT-2:0];
        end else begin : none
            assign below = 1'b0;
        end
        wire up = MODE == 0 ? half & (below | floor_[0])
                : MODE == 1 ? half
                : MODE == 2 ? half & (below | ~negative)
                : MODE == 3 ? 1'b0
                : MODE == 4 ? (half | below) & negative
                : MODE == 5 ? half | below
                : MODE == 6 ? (half | below) & ~negative
                : half & (below | negative);
        wire unused = ^{below, negative};
        assign y = floor_ + YW'({1'b0, up});
    end
endmodule
