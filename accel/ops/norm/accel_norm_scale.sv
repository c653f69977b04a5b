// Norm, last unit: y = clip((u * R [* gamma + beta] + 2^(SHIFT - 1)) >> SHIFT, LO, HI), u = N * x [- sum x].
// s0 brings x, s1 the row's R, s2 the row's sum (unused in RMSNorm). Latency 6, with AFFINE 8.
// DIGITS > 0: products in look-up tables, with as many base-4 digits of R and GW / 2 of gamma, whose fields the memory
// holds; with AFFINE latency 9.
module accel_norm_scale #(
    parameter bit LAYER = 1'b1,
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int TW = 13,
    parameter int UW = 14,
    parameter int RW = 24,
    parameter int PW = 32,  // u * R, signed
    parameter bit AFFINE = 1'b0,
    parameter int GW = 2,
    parameter int BW = 2,
    parameter int AW = 33,  // after gamma and beta, signed
    parameter int SHIFT = 16,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8,
    parameter int DIGITS = 0,
    parameter GAMMA_FILE = "gamma.hex",
    parameter BETA_FILE = "beta.hex"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                s1_valid,
    output logic                s1_ready,
    input  logic [RW-1:0]       s1_data,
    input  logic                s1_last,
    input  logic                s2_valid,
    output logic                s2_ready,
    input  logic [TW-1:0]       s2_data,
    input  logic                s2_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int N = BEATS * LANES;
    localparam int BEATW = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam int LATENCY = AFFINE ? (DIGITS == 0 ? 8 : 9) : 6;
    logic [BEATW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BEATW'(BEATS - 1);
    wire rows = s1_valid && s2_valid;
    assign s0_ready = rows && m0_room;
    assign m0_take   = s0_valid && s0_ready;
    assign s1_ready = m0_take && row_last;
    assign s2_ready = m0_take && row_last;
    logic unused;
    assign unused = s1_last & s2_last;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (m0_take) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[LATENCY-1:1], m0_take};
        last  <= {last[LATENCY-1:1], s0_last};
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];

    logic [RW-1:0] inverse1;
    always_ff @(posedge clk) inverse1 <= s1_data;
    logic signed [PW-1:0] products[LANES];  // u * R, four cycles after x
    if (DIGITS == 0) begin : hard
        // in two halves of R: each is one hard multiplier, and the adder has a cycle of its own
        localparam int HALF = RW > 17 ? 17 : RW;
        localparam int LW = UW + HALF + 1 < PW ? UW + HALF + 1 : PW;
        localparam int HW = UW + RW - HALF + 1 < PW ? UW + RW - HALF + 1 : PW;
        logic [RW-1:0] inverse2;
        always_ff @(posedge clk) inverse2 <= inverse1;
        wire signed [HALF:0] inverse_low = {1'b0, inverse2[HALF-1:0]};
        wire signed [RW-HALF:0] inverse_high = (RW - HALF + 1)'(inverse2 >> HALF);
        for (genvar l = 0; l < LANES; l++) begin : lane
            wire signed [XW:0] x = {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
            logic signed [UW-1:0] u1, u2;
            logic signed [LW-1:0] low3;
            logic signed [HW-1:0] high3;
            wire signed [TW-1:0] row_sum = s2_data;
            always_ff @(posedge clk) begin
                if (m0_take) u1 <= UW'(x) * UW'(N) - (LAYER ? UW'(row_sum) : '0);
                if (valid[1]) u2 <= u1;
                if (valid[2]) begin
                    low3 <= LW'(u2) * LW'(inverse_low);
                    high3 <= HW'(u2) * HW'(inverse_high);
                end
                if (valid[3]) products[l] <= PW'(low3) + (PW'(high3) <<< HALF);
            end
        end
    end else begin : tables
        localparam logic [2*DIGITS-1:0] ONES = {DIGITS{2'b01}};
        logic [2*DIGITS-1:0] fields2;
        logic signed [TW-1:0] sum1;
        always_ff @(posedge clk) begin
            fields2 <= (2 * DIGITS)'(inverse1) + ONES;
            sum1 <= LAYER ? s2_data : '0;
        end
        for (genvar l = 0; l < LANES; l++) begin : lane
            wire signed [UW-1:0] x = UW'($signed({X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]}));
            logic signed [UW-1:0] scaled, u1, u2;
            always_comb begin  // `*` would take a hard multiplier
                scaled = '0;
                for (int i = 0; i < $clog2(N + 1); i++) if (N[i]) scaled = scaled + (x <<< i);
            end
            always_ff @(posedge clk) begin
                u1 <= scaled;
                u2 <= u1 - UW'(sum1);
            end
            accel_digits #(.XW(UW), .DIGITS(DIGITS), .YW(PW)) digits (.clk, .x(u2), .fields(fields2), .y(products[l]));
        end
    end
    for (genvar l = 0; l < LANES; l++) begin : finish
        wire signed [PW-1:0] product4 = products[l];
        logic signed [AW-1:0] scaled;
        if (AFFINE) begin : affine
            (* rom_style = "logic" *) logic [LANES*GW-1:0] gamma[BEATS];
            (* rom_style = "logic" *) logic [LANES*BW-1:0] beta[BEATS];
            initial $readmemh(GAMMA_FILE, gamma);
            initial $readmemh(BETA_FILE, beta);
            logic [BEATW-1:0] beat1, beat2, beat3;
            logic [GW-1:0] gamma4;
            logic signed [BW-1:0] beta4, beta5;
            logic signed [AW-1:0] product5;
            always_ff @(posedge clk) begin
                beat1 <= beat;
                beat2 <= beat1;
                beat3 <= beat2;
                gamma4 <= gamma[beat3][l*GW+:GW];
                beta4 <= beta[beat3][l*BW+:BW];
                beta5 <= beta4;
            end
            if (DIGITS == 0) begin : hard
                always_ff @(posedge clk) begin
                    product5 <= AW'(product4) * AW'($signed(gamma4));
                    scaled <= product5 + AW'(beta5);
                end
            end else begin : tables
                logic signed [BW-1:0] beta6;
                accel_digits #(.XW(PW), .DIGITS(GW/2), .YW(AW))
                    digits (.clk, .x(product4), .fields(gamma4), .y(product5));
                always_ff @(posedge clk) begin
                    beta6 <= beta5;
                    scaled <= product5 + AW'(beta6);
                end
            end
        end else begin : plain
            assign scaled = AW'(product4);
        end
        accel_round #(.XW(AW), .SHIFT(SHIFT), .MODE(1), .LO(LO), .HI(HI), .YW(YW))
            round (.clk, .enable(valid[LATENCY-1:LATENCY-2]), .x(scaled), .y(m0_data[l*YW+:YW]));
    end
endmodule
