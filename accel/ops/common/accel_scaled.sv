// y = clip((x [* gamma] * R + half) >> (SHIFT + e), LO, HI), half = 2^(SHIFT + e - 1): a factor R and a shift e per row.
// s0 brings x, s1 the row's R, s2 its e. Latency 6; GAINS > 0: with gamma, one per row or channel, from a memory, latency 8.
module accel_scaled #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int XW = 16,
    parameter bit X_SIGNED = 1'b1,
    parameter int RW = 18,
    parameter int EW = 4,
    parameter int GAINS = 0,  // words of the memory: 0, 1, or BEATS
    parameter int GW = 2,
    parameter int UW = 17,  // x [* gamma], signed
    parameter int PW = 36,  // times R, signed
    parameter int SHIFT = 16,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8,
    parameter GAMMA_FILE = ""
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
    input  logic [EW-1:0]       s2_data,
    input  logic                s2_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int BEATW = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam int FIRST = GAINS > 0 ? 3 : 1, LATENCY = FIRST + 5;  // FIRST: when x [* gamma] is there
    logic [BEATW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BEATW'(BEATS - 1);
    assign s0_ready = s1_valid && s2_valid && m0_room;
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

    // factor and shift wait for x [* gamma], the shift for the product too
    logic [FIRST*RW-1:0] factors;
    logic [(FIRST+2)*EW-1:0] shifts;
    always_ff @(posedge clk) begin
        factors <= (FIRST * RW)'({factors, s1_data});
        shifts  <= ((FIRST + 2) * EW)'({shifts, s2_data});
    end
    wire [RW-1:0] factor = factors[(FIRST-1)*RW+:RW];
    wire [EW-1:0] shift = shifts[(FIRST+1)*EW+:EW];

    logic signed [UW-1:0] scaled[LANES];  // FIRST cycles after x
    if (GAINS > 0) begin : gains
        localparam int AW = GAINS > 1 ? $clog2(GAINS) : 1;
        logic [LANES*GW-1:0] gamma2;
        accel_rom #(.WIDTH(LANES*GW), .DEPTH(GAINS), .FILE(GAMMA_FILE))
            gamma (.clk, .address(AW'(GAINS > 1 ? beat : '0)), .data(gamma2));
        for (genvar l = 0; l < LANES; l++) begin : lane
            logic signed [XW:0] x1, x2;
            wire signed [GW-1:0] gain = gamma2[l*GW+:GW];
            always_ff @(posedge clk) begin
                x1 <= {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
                x2 <= x1;
                scaled[l] <= UW'((XW + GW + 1)'(x2) * (XW + GW + 1)'(gain));
            end
        end
    end else begin : none
        for (genvar l = 0; l < LANES; l++) begin : lane
            always_ff @(posedge clk) scaled[l] <= UW'($signed({X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]}));
        end
    end

    // products in two halves of R: each is one hard multiplier, and the adder has a cycle of its own
    localparam int HALF = RW > 17 ? 17 : RW;
    localparam int LW = UW + HALF + 1, HW = UW + RW - HALF + 1;
    localparam int FLOOR = SHIFT - 1;  // one bit more than the result stays for the rounding
    localparam int QW = PW > FLOOR + 1 ? PW - FLOOR + 1 : 3;
    localparam int WW = PW > QW ? PW : QW;  // what is shifted is at least as wide as what stays
    wire signed [HALF:0] factor_low = {1'b0, factor[HALF-1:0]};
    wire signed [RW-HALF:0] factor_high = (RW - HALF + 1)'(factor >> HALF);
    for (genvar l = 0; l < LANES; l++) begin : finish
        logic signed [LW-1:0] low;
        logic signed [HW-1:0] high;
        logic signed [PW-1:0] product;
        logic signed [QW-1:0] doubled;
        wire signed [WW-1:0] whole = WW'(product);
        always_ff @(posedge clk) begin
            low <= LW'(scaled[l]) * LW'(factor_low);
            high <= HW'(scaled[l]) * HW'(factor_high);
            product <= PW'(low) + (PW'(high) <<< HALF);
            doubled <= QW'((whole >>> FLOOR) >>> shift);
        end
        accel_round #(.XW(QW), .SHIFT(1), .MODE(1), .LO(LO), .HI(HI), .YW(YW))
            round (.clk, .enable(valid[LATENCY-1:LATENCY-2]), .x(doubled), .y(m0_data[l*YW+:YW]));
    end
endmodule
