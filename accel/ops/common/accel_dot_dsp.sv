// LANES dot products with the same a, in one hard multiplier per term: sums[k] + carries[k] = sum over s of a[s] * v[k][s].
// The weights lie SPACING bits apart in the wide operand, so the product holds LANES products; packed products are
// added as long as SPACING has room (PACKED levels of the tree), then taken apart. A field is short by one when what
// lies below it is negative: that is its carry. With SPACING = AW + WW - 1 (a signed) neighbouring fields share a bit:
// the highest of the lower one plus the lowest of the upper one, which is known beforehand and taken off again.
// The highest lane is a signed weight as it is, v = w. Below it only numbers >= 0 can be joined without an adder:
// there w comes in with its sign bit inverted (if signed), v = w + 2^(WW - 1). Latency 1 + clog2(SIMD).
module accel_dot_dsp #(
    parameter int SIMD = 4,
    parameter int LANES = 2,
    parameter int SPACING = 14,
    parameter int AW = 8,
    parameter int WW = 4,
    parameter int TW = 14,
    parameter bit A_SIGNED = 1'b1,
    parameter bit W_SIGNED = 1'b1
) (
    input  logic                     clk,
    input  logic [SIMD*AW-1:0]       a,
    input  logic [LANES*SIMD*WW-1:0] w,
    output logic [LANES*TW-1:0]      sums,
    output logic [LANES-1:0]         carries
);
    localparam int LEVELS = $clog2(SIMD);
    localparam int ROOM = SPACING - AW - WW;
    localparam int SHARED = LANES > 1 && ROOM < 0 ? 1 : 0;
    localparam int PACKED = LANES == 1 || ROOM > LEVELS ? LEVELS : SHARED == 1 ? 0 : ROOM;
    localparam int N = (SIMD + 2 ** PACKED - 1) / 2 ** PACKED;        // packed sums that are taken apart
    localparam int BW = (LANES - 1) * SPACING + WW + 32'(!W_SIGNED);  // the wide operand, signed
    localparam int XW = AW + 32'(!A_SIGNED);
    localparam int PW = BW + XW, QW = PW + PACKED;

    logic [SIMD*PW-1:0] products;
    for (genvar s = 0; s < SIMD; s++) begin : term
        wire signed [XW-1:0] x = XW'($signed({A_SIGNED & a[s*AW+AW-1], a[s*AW+:AW]}));
        logic [BW-1:0] joined;
        always_comb begin
            joined = '0;
            for (int k = 0; k < LANES; k++) joined[k*SPACING+:WW] = w[(k*SIMD+s)*WW+:WW];
        end
        wire signed [BW-1:0] wide = joined;
        always_ff @(posedge clk) products[s*PW+:PW] <= PW'(wide) * PW'(x);
    end
    logic [N*QW-1:0] packed_sums;
    logic [N-1:0] unused;
    accel_tree #(.N(SIMD), .LEVELS(PACKED), .XW(PW), .W(QW))
        together (.clk, .terms(products), .carries('0), .sums(packed_sums), .rest(unused));

    // ---- the sign of what lies below the highest lane's field, and of every field under it
    logic [LANES*N-1:0] negative;
    for (genvar k = 1; k < LANES; k++) begin : border
        for (genvar n = 0; n < N; n++) begin : part
            if (SHARED == 1) begin : shared
                logic lowest;  // bit of the product above
                always_ff @(posedge clk) lowest <= a[n*AW] && w[(k*SIMD+n)*WW];
                assign negative[(k-1)*N+n] = packed_sums[n*QW+k*SPACING] ^ lowest;
            end else begin : own
                assign negative[(k-1)*N+n] = A_SIGNED && packed_sums[n*QW+k*SPACING-1];
            end
        end
    end
    assign negative[(LANES-1)*N+:N] = '0;

    for (genvar k = 0; k < LANES; k++) begin : lane
        localparam bit TOP = k == LANES - 1;
        localparam int FW = TOP ? QW - k * SPACING : SPACING + SHARED;
        logic [N*FW-1:0] fields;
        logic [N-1:0] borrowed;
        for (genvar n = 0; n < N; n++) begin : part
            if (TOP || SHARED == 0) begin : whole
                assign fields[n*FW+:FW] = packed_sums[n*QW+k*SPACING+:FW];
            end else begin : restored
                assign fields[n*FW+:FW] = {negative[k*N+n], packed_sums[n*QW+k*SPACING+:SPACING]};
            end
            assign borrowed[n] = k > 0 && negative[(k>0?k-1:0)*N+n];
        end
        accel_tree #(.N(N), .LEVELS(LEVELS - PACKED), .XW(FW), .SIGNED(A_SIGNED || TOP), .W(TW))
            apart (.clk, .terms(fields), .carries(borrowed), .sums(sums[k*TW+:TW]), .rest(carries[k]));
    end
endmodule
