// Softmax, first unit: the largest visible element of every row. BEATS beats of LANES elements per row, latency 2.
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
    logic [XW-1:0] best, largest;
    always_comb begin
        best = '0;
        for (int l = 0; l < LANES; l++)
            if (visible[l] && (s0_data[l*XW+:XW] ^ FLIP) > best) best = s0_data[l*XW+:XW] ^ FLIP;
    end
    logic first1, valid1, done1, last1;
    logic [XW-1:0] best1;
    always_ff @(posedge clk) begin
        valid1 <= fire && !rst;
        first1 <= beat == '0;
        done1  <= row_last;
        last1  <= s0_last;
        best1  <= best;
        if (valid1) largest <= first1 || best1 > largest ? best1 : largest;
        m0_valid <= valid1 && done1 && !rst;
        m0_last  <= last1;
    end
    assign m0_data = largest ^ FLIP;
endmodule
