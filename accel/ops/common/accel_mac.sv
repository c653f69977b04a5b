// PE x SIMD multiply-accumulate array: y[p] = init[p] + sum over beats and s of a[s] * w[p][s], modulo 2^OW.
// A beat starts with `fire`; first and done mark the beats of a sum, last the last sum of a sequence. Its a and w arrive
// two cycles later, and y leaves with m_valid 5 + clog2(SIMD) cycles later, however the products are made.
// `advance` tells one cycle before a sum's last beat is accumulated, so that the next init can be read.
//
// LANES = 0 makes products in look-up tables (accel_dot_lut), LANES > 0 in hard multipliers, one for LANES neighbouring
// rows (accel_dot_dsp). There all rows of a group but the last bring their weights with the sign bit inverted.
// Both leave out a multiple of sum a[s], which is added back here: computed once for all rows. Nothing is left out of
// CODED weights: constants brought as digits. With OWN every row has an a of its own, and CODED weights or LANES = 1.
module accel_mac #(
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int LANES = 1,
    parameter int SPACING = 0,
    parameter bit OWN = 1'b0,
    parameter bit CODED = 1'b0,
    parameter int AW = 8,
    parameter int WW = 4,
    parameter int OW = 16,
    parameter bit A_SIGNED = 1'b1,
    parameter bit W_SIGNED = 1'b1,
    localparam int ROWS_OF_A = OWN ? PE : 1
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  fire,
    input  logic                  first,
    input  logic                  done,
    input  logic                  last,
    input  logic [ROWS_OF_A*SIMD*AW-1:0] a,
    input  logic [PE*SIMD*WW-1:0] w,
    input  logic [PE*OW-1:0]      init,
    output logic                  advance,
    output logic                  m_valid,
    output logic                  m_last,
    output logic [PE*OW-1:0]      y
);
    localparam int LEVELS = $clog2(SIMD);
    localparam int TW = AW + WW + 2 + LEVELS < OW ? AW + WW + 2 + LEVELS : OW;
    localparam int STAGES = 4 + LEVELS;  // from fire to the accumulate stage

    logic [STAGES:1] valid, firsts, dones, lasts;
    always_ff @(posedge clk) begin
        valid  <= rst ? '0 : {valid[STAGES-1:1], fire};
        firsts <= {firsts[STAGES-1:1], first};
        dones  <= {dones[STAGES-1:1], done};
        lasts  <= {lasts[STAGES-1:1], last};
        m_valid <= !rst && valid[STAGES] && dones[STAGES];
        m_last  <= lasts[STAGES];
    end
    assign advance = valid[STAGES-1] && dones[STAGES-1];

    // ---- what is left out of every product: missing * a[s]
    localparam int DIGITS = (WW + 1) / 2;
    localparam int FIELDS = W_SIGNED ? DIGITS - 1 : DIGITS;
    logic [TW-1:0] correction;
    if (CODED || (LANES == 0 ? FIELDS == 0 : LANES == 1 || !W_SIGNED)) begin : complete
        assign correction = '0;
    end else begin : incomplete
        localparam int SW = AW + 1 + LEVELS < TW ? AW + 1 + LEVELS : TW;
        logic signed [SW-1:0] total;
        logic unused;
        accel_tree #(.N(SIMD), .LEVELS(LEVELS), .XW(AW), .SIGNED(A_SIGNED), .W(SW))
            tree (.clk, .terms(a), .carries('0), .sums(total), .rest(unused));
        logic [TW-1:0] missing;  // sum of 4^k over the fields, or -2^(WW - 1); `*` would take a hard multiplier
        always_comb begin
            missing = LANES == 0 ? TW'(total) : -(TW'(total) << (WW - 1));
            if (LANES == 0) for (int k = 1; k < FIELDS; k++) missing = missing + (TW'(total) << 2 * k);
        end
        always_ff @(posedge clk) correction <= missing;
    end

    logic [PE*TW-1:0] sums;
    logic [PE-1:0] carries;
    localparam int GROUP = LANES == 0 ? 1 : LANES;
    for (genvar g = 0; g < PE; g += GROUP) begin : group
        localparam int ROWS = PE - g < GROUP ? PE - g : GROUP;
        wire [SIMD*AW-1:0] row_a = a[(OWN?g:0)*SIMD*AW+:SIMD*AW];
        if (LANES == 0) begin : lut
            accel_dot_lut #(.SIMD(SIMD), .CODED(CODED), .AW(AW), .WW(WW), .TW(TW), .A_SIGNED(A_SIGNED),
                            .W_SIGNED(W_SIGNED))
                dot (.clk, .a(row_a), .w(w[g*SIMD*WW+:SIMD*WW]), .sum(sums[g*TW+:TW]), .carry(carries[g]));
        end else begin : dsp
            accel_dot_dsp #(.SIMD(SIMD), .LANES(ROWS), .SPACING(SPACING), .AW(AW), .WW(WW), .TW(TW),
                            .A_SIGNED(A_SIGNED), .W_SIGNED(W_SIGNED))
                dot (.clk, .a(row_a), .w(w[g*SIMD*WW+:ROWS*SIMD*WW]), .sums(sums[g*TW+:ROWS*TW]),
                     .carries(carries[g+:ROWS]));
        end
        for (genvar p = g; p < g + ROWS; p++) begin : row
            localparam bit CORRECTED = !CODED && (LANES == 0 || p != g + ROWS - 1);
            logic signed [TW-1:0] total;
            logic late;  // carry of a sum that needs no adder here
            always_ff @(posedge clk) begin
                total <= CODED ? sums[p*TW+:TW] : sums[p*TW+:TW] + (CORRECTED ? correction : '0) + TW'({1'b0, carries[p]});
                late <= CODED && carries[p];
                if (valid[STAGES])
                    y[p*OW+:OW] <= (firsts[STAGES] ? init[p*OW+:OW] : y[p*OW+:OW]) + OW'(total) + OW'({1'b0, late});
            end
        end
    end
endmodule
