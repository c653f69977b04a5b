// Dot product in look-up tables: sum + carry = sum over s of a[s] * (w[s] - OFFSET), latency 1 + clog2(SIMD).
//
// Weights are cut into base-4 digits. A field of two bits u stands for the digit u - 1, one of {-1, 0, 1, 2}, the
// highest field of a signed weight for its own value, one of {-2, -1, 0, 1}; so a bit of digit * a is a function of
// four signals, one small table, and no digit needs recoding. What the fields are short of is the same for all
// weights, OFFSET = sum of 4^k over the fields of the first kind: a correction that all rows share.
// A negative multiple is the inverted one plus a carry.
//
// CODED weights are constants that come with OFFSET added already, so nothing is left out (OFFSET = 0). The highest
// field then has one bit, the sign of a digit of {-1, 1}, or two, or three for one of {-2, -1, 0, 1, 2}; a weight of a
// single field of two bits is one of {-1, 0, 1}.
module accel_dot_lut #(
    parameter int SIMD = 4,
    parameter bit CODED = 1'b0,
    parameter int AW = 8,
    parameter int WW = 4,
    parameter int TW = 14,
    parameter bit A_SIGNED = 1'b1,
    parameter bit W_SIGNED = 1'b1
) (
    input  logic               clk,
    input  logic [SIMD*AW-1:0] a,
    input  logic [SIMD*WW-1:0] w,
    output logic [TW-1:0]      sum,
    output logic               carry
);
    localparam int DIGITS = CODED && WW > 1 ? WW / 2 : (WW + 1) / 2;
    localparam int TOPW = CODED ? WW - 2 * (DIGITS - 1) : 2;     // highest field
    localparam int FW = 2 * (DIGITS - 1) + TOPW;
    localparam int XW = AW + 32'(!A_SIGNED);                     // a as a signed number
    localparam int PW = CODED && WW <= 2 ? XW : XW + 2 * DIGITS + 32'(!W_SIGNED);  // product
    logic [SIMD*PW-1:0] products;
    logic [SIMD-1:0] carries;
    for (genvar s = 0; s < SIMD; s++) begin : term
        wire signed [XW-1:0] x = XW'({A_SIGNED & a[s*AW+AW-1], a[s*AW+:AW]});
        wire signed [FW-1:0] fields = FW'($signed({W_SIGNED & w[s*WW+WW-1], w[s*WW+:WW]}));
        logic signed [PW-1:0] partial[DIGITS];
        logic [DIGITS-1:0] negative;
        for (genvar k = 0; k < DIGITS; k++) begin : digit
            localparam int MW = PW > XW ? XW + 2 : XW;
            wire signed [MW-1:0] once = MW'(x);
            logic signed [MW-1:0] multiple;
            if (k < DIGITS - 1 || !W_SIGNED) begin : low
                wire [1:0] u = fields[2*k+:2];
                assign multiple = u == 2'd0 ? ~once : u == 2'd1 ? '0 : u == 2'd2 ? once : once <<< 1;
                assign negative[k] = u == 2'd0;
            end else if (PW > XW) begin : high
                wire [TOPW-1:0] u = fields[FW-1-:TOPW];
                wire signed [MW-1:0] size = u[0] ? once : once <<< 1;
                assign multiple = u == '0 ? '0 : u[TOPW-1] ? ~size : size;
                assign negative[k] = u[TOPW-1];
            end else begin : sign
                assign multiple = TOPW > 1 && !fields[0] ? '0 : fields[FW-1] ? ~once : once;
                assign negative[k] = fields[FW-1];
            end
            if (k == 0) begin : first
                assign partial[0] = PW'(multiple);
            end else begin : add
                localparam int HW = PW - 2 * k;
                wire signed [HW:0] left = {partial[k-1][PW-1:2*k], 1'b1};
                wire signed [HW:0] right = {HW'(multiple), negative[k]};
                wire [HW-1:0] total;
                wire unused;
                assign {total, unused} = left + right;
                assign partial[k] = {total, partial[k-1][2*k-1:0]};
            end
        end
        always_ff @(posedge clk) begin
            products[s*PW+:PW] <= partial[DIGITS-1];
            carries[s] <= negative[0];
        end
    end
    accel_tree #(.N(SIMD), .LEVELS($clog2(SIMD)), .XW(PW), .W(TW))
        tree (.clk, .terms(products), .carries, .sums(sum), .rest(carry));
endmodule
