// Softmax, first unit: the largest visible element of every row. BEATS beats of LANES elements per row.
// Latency 1 + max(1, ceil(log4(LANES))).
// Causal rows see key j when j <= query + (ROW - TOKENS); row order is token by token, HEADS rows each.
module accel_softmax_max #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int HEADS = 1,
    parameter int TOKENS = 8,
    parameter bit CAUSAL = 1'b0,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [XW-1:0]       m0_data,
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [LANES-1:0] visible;
    logic [BW-1:0] beat;
    logic row_last;
    assign s0_ready = !row_last || m0_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire && row_last;
    accel_softmax_mask #(.LANES(LANES), .BEATS(BEATS), .HEADS(HEADS), .TOKENS(TOKENS), .CAUSAL(CAUSAL))
        mask (.clk, .rst, .fire, .beat, .row_last, .visible);

    // compare as unsigned numbers with the sign bit inverted, so that 0 is below everything
    localparam logic [XW-1:0] FLIP = XW'(X_SIGNED) << (XW - 1);
    logic [LANES*XW-1:0] values;
    for (genvar l = 0; l < LANES; l++) begin : lane
        assign values[l*XW+:XW] = visible[l] ? s0_data[l*XW+:XW] ^ FLIP : '0;
    end
    logic [XW-1:0] best, largest;
    accel_largest #(.N(LANES), .XW(XW)) tree (.clk, .values, .largest(best));

    localparam int LEVELS = LANES > 4 ? ($clog2(LANES) + 1) / 2 : 1;
    logic [LEVELS:0] valid, first, done, last;
    assign {valid[0], first[0], done[0], last[0]} = {fire, beat == '0, row_last, s0_last};
    always_ff @(posedge clk) begin
        valid[LEVELS:1] <= rst ? '0 : valid[LEVELS-1:0];
        first[LEVELS:1] <= first[LEVELS-1:0];
        done[LEVELS:1]  <= done[LEVELS-1:0];
        last[LEVELS:1]  <= last[LEVELS-1:0];
        if (valid[LEVELS]) largest <= first[LEVELS] || best > largest ? best : largest;
        m0_valid <= valid[LEVELS] && done[LEVELS] && !rst;
        m0_last  <= last[LEVELS];
    end
    assign m0_data = largest ^ FLIP;
endmodule
