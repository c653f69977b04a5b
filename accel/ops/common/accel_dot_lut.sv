// Dot product in look-up tables: sum + carry = sum over s of a[s] * (w[s] - OFFSET), latency 1 + clog2(SIMD).
//
// Weights are cut into base-4 digits. A field of two bits u stands for the digit u - 1, one of {-1, 0, 1, 2}, the
// highest field of a signed weight for its own value, one of {-2, -1, 0, 1}; so a bit of digit * a is a function of
// four signals, one small table, and no digit needs recoding. What the fields are short of is the same for all
// weights, OFFSET = sum of 4^k over the fields of the first kind: a correction that all rows share.
// A negative multiple is the inverted one plus a carry.
module accel_dot_lut #(
    parameter int SIMD = 4,
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
    localparam int DIGITS = (WW + 1) / 2;
    localparam int XW = AW + 32'(!A_SIGNED);                     // a as a signed number
    localparam int PW = XW + 2 * DIGITS + 32'(!W_SIGNED);        // product
    logic [SIMD*PW-1:0] products;
    logic [SIMD-1:0] carries;
    for (genvar s = 0; s < SIMD; s++) begin : term
        wire signed [XW-1:0] x = XW'({A_SIGNED & a[s*AW+AW-1], a[s*AW+:AW]});
        wire signed [2*DIGITS-1:0] fields = (2 * DIGITS)'($signed({W_SIGNED & w[s*WW+WW-1], w[s*WW+:WW]}));
        logic signed [PW-1:0] partial[DIGITS];
        logic [DIGITS-1:0] negative;
        for (genvar k = 0; k < DIGITS; k++) begin : digit
            localparam bit TOP = W_SIGNED && k == DIGITS - 1;
            wire [1:0] u = fields[2*k+:2];
            wire signed [XW+1:0] once = (XW + 2)'(x), twice = (XW + 2)'(x) <<< 1;
            wire signed [XW+1:0] multiple =
                TOP ? (u == 2'd0 ? '0 : u == 2'd1 ? once : u == 2'd2 ? ~twice : ~once)
                    : (u == 2'd0 ? ~once : u == 2'd1 ? '0 : u == 2'd2 ? once : twice);
            assign negative[k] = TOP ? u[1] : u == 2'd0;
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
