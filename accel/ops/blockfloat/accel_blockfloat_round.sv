// BlockFloat, second unit: y = clip(floor(x / 2^e + 1/2), -T, T) * 2^e with T = 2^(BITS - 1) - 1. s0 brings x, s1 the e of its
// group. What e decides (half a step, a mask, the largest result) is made once for all lanes, so that nothing is shifted
// per lane. Latency 3: decode, add, clip.
module accel_blockfloat_round #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int BITS = 8,
    parameter int XW = 16,
    parameter bit X_SIGNED = 1'b1,
    parameter int EW = 4,
    parameter int MOST = 9,  // largest e
    parameter int YW = 16
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                s1_valid,
    output logic                s1_ready,
    input  logic [EW-1:0]       s1_data,
    input  logic                s1_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam int TW = BITS + MOST, SW = (XW > TW ? XW : TW) + 2;  // room for a sign and the half that is added
    logic [BW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign s0_ready = s1_valid && m0_room;
    assign m0_take   = s0_valid && s0_ready;
    assign s1_ready = m0_take && row_last;
    logic unused_last;
    assign unused_last = s1_last;
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (m0_take) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[2:1], m0_take};
        last  <= {last[2:1], s0_last};
    end
    assign m0_valid = valid[3];
    assign m0_last  = last[3];

    localparam logic [SW-1:0] TOP = (SW'(1) << (BITS - 1)) - 1'b1;
    wire [MOST:0] step = (MOST + 1)'(1) << s1_data;
    logic signed [SW-1:0] half1, mask1, mask2, high1, high2;
    always_ff @(posedge clk) begin
        half1 <= SW'(step >> 1);
        mask1 <= {SW{1'b1}} << s1_data;
        high1 <= TOP << s1_data;
        mask2 <= mask1;
        high2 <= high1;
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        logic signed [SW-1:0] x1, sum2;
        wire signed [SW-1:0] value = sum2 & mask2;
        always_ff @(posedge clk) begin
            x1 <= SW'($signed({X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]}));
            sum2 <= x1 + half1;
            m0_data[l*YW+:YW] <= YW'(value > high2 ? high2 : value < -high2 ? -high2 : value);
        end
    end
endmodule
