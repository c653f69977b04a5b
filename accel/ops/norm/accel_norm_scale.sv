// Norm, last unit: y = clip((u * R [* gamma + beta] + 2^(SHIFT - 1)) >> SHIFT, LO, HI), u = N * x [- sum x].
// s0 brings x, s1 the row's R, s2 the row's sum (unused in RMSNorm). Latency 6, with AFFINE 8.
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
    localparam int LATENCY = AFFINE ? 8 : 6;
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

    logic [RW-1:0] inverse1, inverse2;
    always_ff @(posedge clk) begin
        inverse1 <= s1_data;
        inverse2 <= inverse1;
    end
    // u * R in two halves of R: each is one hard multiplier, and the adder has a cycle of its own
    localparam int HALF = RW > 17 ? 17 : RW;
    localparam int LW = UW + HALF + 1 < PW ? UW + HALF + 1 : PW, HW = UW + RW - HALF + 1 < PW ? UW + RW - HALF + 1 : PW;
    wire signed [HALF:0] inverse_low = {1'b0, inverse2[HALF-1:0]};
    wire signed [RW-HALF:0] inverse_high = (RW - HALF + 1)'(inverse2 >> HALF);
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
        logic signed [UW-1:0] u1, u2;
        logic signed [LW-1:0] low3;
        logic signed [HW-1:0] high3;
        logic signed [PW-1:0] product4;
        wire signed [TW-1:0] row_sum = s2_data;
        always_ff @(posedge clk) begin
            if (m0_take) u1 <= UW'(x) * UW'(N) - (LAYER ? UW'(row_sum) : '0);
            if (valid[1]) u2 <= u1;
            if (valid[2]) begin
                low3 <= LW'(u2) * LW'(inverse_low);
                high3 <= HW'(u2) * HW'(inverse_high);
            end
            if (valid[3]) product4 <= PW'(low3) + (PW'(high3) <<< HALF);
        end
        logic signed [AW-1:0] scaled;
        if (AFFINE) begin : affine
            (* rom_style = "logic" *) logic [LANES*GW-1:0] gamma[BEATS];
            (* rom_style = "logic" *) logic [LANES*BW-1:0] beta[BEATS];
            initial $readmemh(GAMMA_FILE, gamma);
            initial $readmemh(BETA_FILE, beta);
            logic [BEATW-1:0] beat1, beat2, beat3;
            logic signed [GW-1:0] gamma4;
            logic signed [BW-1:0] beta4, beta5;
            logic signed [AW-1:0] product5;
            always_ff @(posedge clk) begin
                beat1 <= beat;
                beat2 <= beat1;
                beat3 <= beat2;
                gamma4 <= gamma[beat3][l*GW+:GW];
                beta4 <= beta[beat3][l*BW+:BW];
                product5 <= AW'(product4) * AW'(gamma4);
                beta5 <= beta4;
                scaled <= product5 + AW'(beta5);
            end
        end else begin : plain
            assign scaled = AW'(product4);
        end
        accel_round #(.XW(AW), .SHIFT(SHIFT), .MODE(1), .LO(LO), .HI(HI), .YW(YW))
            round (.clk, .enable(valid[LATENCY-1:LATENCY-2]), .x(scaled), .y(m0_data[l*YW+:YW]));
    end
endmodule
