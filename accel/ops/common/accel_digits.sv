// y = x * sum over k of (field k - 1) * 4^k in look-up tables, modulo 2^YW. Latency 2: groups of four fields are summed
// in front of the first register, the groups behind it.
// A field is one of {-1, 0, 1, 2} + 1: a bit of its multiple of x is a function of four signals. A negative multiple is
// the inverted one plus 1, which the adder of its field takes in as a carry; the lowest field has an adder for it.
module accel_digits #(
    parameter int XW = 17,
    parameter int DIGITS = 8,
    parameter int YW = 33
) (
    input  logic                 clk,
    input  logic signed [XW-1:0] x,
    input  logic [2*DIGITS-1:0]  fields,
    output logic [YW-1:0]        y
);
    localparam int USED = 2 * DIGITS > YW ? (YW + 1) / 2 : DIGITS;
    localparam int GROUPS = (USED + 3) / 4;
    if (USED < DIGITS) begin : high_fields
        wire unused = ^fields[2*DIGITS-1:2*USED];
    end
    if (XW > YW) begin : high_bits
        wire unused = ^x[XW-1:YW];
    end
    logic [GROUPS*YW-1:0] sums;  // of a group and those below it
    for (genvar g = 0; g < GROUPS; g++) begin : group
        localparam int COUNT = USED - 4 * g < 4 ? USED - 4 * g : 4;
        localparam int GW = XW + 2 * COUNT < YW - 8 * g ? XW + 2 * COUNT : YW - 8 * g;
        logic signed [GW-1:0] partial[COUNT];
        for (genvar k = 0; k < COUNT; k++) begin : digit
            localparam int HW = GW - 2 * k;
            localparam int MW = XW + 2 < HW ? XW + 2 : HW;
            wire [1:0] u = fields[2*(4*g+k)+:2];
            wire signed [MW-1:0] once = MW'(x);
            wire signed [MW-1:0] multiple = u == 2'd0 ? ~once : u == 2'd1 ? '0 : u == 2'd2 ? once : once <<< 1;
            if (k == 0) begin : first
                assign partial[0] = GW'(multiple);
            end else begin : add
                wire signed [HW:0] left = {partial[k-1][GW-1:2*k], 1'b1};
                wire signed [HW:0] right = {HW'(multiple), u == 2'd0};
                wire [HW-1:0] total;
                wire unused;
                assign {total, unused} = left + (* keep *) right;
                assign partial[k] = {total, partial[k-1][2*k-1:0]};
            end
        end
        logic signed [GW-1:0] sum;
        logic negative;
        always_ff @(posedge clk) begin
            sum <= partial[COUNT-1];
            negative <= fields[8*g+:2] == 2'd0;
        end
        if (g == 0) begin : lowest
            assign sums[0+:YW] = YW'(sum) + (* keep *) YW'({1'b0, negative});
        end else begin : higher
            localparam int HW = YW - 8 * g;
            wire signed [HW:0] left = {sums[(g-1)*YW+8*g+:HW], 1'b1};
            wire signed [HW:0] right = {HW'(sum), negative};
            wire [HW-1:0] total;
            wire unused;
            assign {total, unused} = left + (* keep *) right;
            assign sums[g*YW+:YW] = {total, sums[(g-1)*YW+:8*g]};
        end
    end
    always_ff @(posedge clk) y <= sums[(GROUPS-1)*YW+:YW];
endmodule
