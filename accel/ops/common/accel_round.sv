// y = clip(round(x / 2^SHIFT), LO, HI) per lane; one register behind the rounding, one behind the clipping,
// which move only when enable[0] and enable[1] say so.
// MODE: 0 half to even, 1 half up (toward +inf), 2 half away from zero, 3 floor, 4 toward zero, 5 ceil,
// 6 away from zero, 7 half toward zero. Latency 2.
module accel_round #(
    parameter int XW = 20,      // signed input
    parameter int SHIFT = 8,
    parameter int MODE = 0,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8
) (
    input  logic                 clk,
    input  logic [1:0]           enable,
    input  logic signed [XW-1:0] x,
    output logic [YW-1:0]        y
);
    localparam int QW = (XW > SHIFT ? XW - SHIFT : 1) + 1;      // room for the increment
    localparam int SW = (QW > YW + 1 ? QW : YW + 1);            // wide enough for the comparison with LO and HI
    logic signed [QW-1:0] rounded;
    if (SHIFT == 0) begin : exact
        always_ff @(posedge clk) if (enable[0]) rounded <= QW'(x);
    end else begin : rounding
        localparam int EW = XW > SHIFT ? XW + 1 : SHIFT + 1;
        wire signed [EW-1:0] wide = EW'(x);
        wire signed [QW-1:0] floor_ = QW'(wide >>> SHIFT);
        wire half = wide[SHIFT-1];
        wire below;                                             // any bit below the half
        if (SHIFT > 1) begin : sticky
            assign below = |wide[SHIFT-2:0];
        end else begin : none
            assign below = 1'b0;
        end
        wire up = MODE == 0 ? half & (below | floor_[0])
                : MODE == 1 ? half
                : MODE == 2 ? half & (below | ~x[XW-1])
                : MODE == 3 ? 1'b0
                : MODE == 4 ? (half | below) & x[XW-1]
                : MODE == 5 ? half | below
                : MODE == 6 ? (half | below) & ~x[XW-1]
                : half & (below | x[XW-1]);
        always_ff @(posedge clk) if (enable[0]) rounded <= floor_ + QW'({1'b0, up});
    end
    wire signed [SW-1:0] value = SW'(rounded);
    localparam logic signed [SW-1:0] LOW = SW'(LO), HIGH = SW'(HI);
    always_ff @(posedge clk)
        if (enable[1]) y <= value < LOW ? LOW[YW-1:0] : value > HIGH ? HIGH[YW-1:0] : value[YW-1:0];
endmodule
