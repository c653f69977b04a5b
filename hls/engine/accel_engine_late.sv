// y = clip(round(x / 2^(LEAST + places)), lo, hi) without a register, halves up; LEAST + places is at most MOST.
module accel_engine_late #(
    parameter int XW = 28,  // signed
    parameter int LEAST = 10,
    parameter int MOST = 10,
    parameter int SW = 1,
    parameter int YW = 9
) (
    input  logic signed [XW-1:0] x,
    input  logic [SW-1:0]        places,
    input  logic signed [YW-1:0] lo,
    input  logic signed [YW-1:0] hi,
    output logic [YW-1:0]        y
);
    localparam int FW = XW > MOST ? XW + 1 : MOST + 2;  // one bit more than x, behind the point
    localparam int HW = FW - LEAST > YW + 2 ? FW - LEAST : YW + 2;  // twice the quotient
    wire signed [FW-1:0] wide = FW'({x, 1'b0});
    wire signed [HW-1:0] least = HW'(wide >>> LEAST);
    logic signed [HW-1:0] doubled;
    if (MOST > LEAST) begin : several
        assign doubled = least >>> places;
    end else begin : one
        assign doubled = least;
        wire unused = ^places;
    end
    wire signed [HW-1:0] floor_ = doubled >>> 1;
    wire signed [HW-1:0] q = floor_ + HW'({1'b0, doubled[0]});
    assign y = q > HW'(hi) ? hi : q < HW'(lo) ? lo : q[YW-1:0];
    if (LEAST > 0) begin : behind
        wire unused = ^wide[LEAST-1:0];
    end
endmodule
