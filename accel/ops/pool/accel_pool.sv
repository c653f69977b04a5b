// Pool: y[c] = sum over TOKENS tokens of x[t][c], LANES channels per beat, GROUPS beats per token.
// The sums leave with the beats of the last token. Latency 1.
module accel_pool #(
    parameter int LANES = 1,
    parameter int TOKENS = 8,
    parameter int GROUPS = 8,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int YW = 11
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
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1, TW = TOKENS > 1 ? $clog2(TOKENS) : 1;
    logic [GW-1:0] group;
    logic [TW-1:0] token;
    wire group_last = GROUPS == 1 || group == GW'(GROUPS - 1);
    wire token_last = TOKENS == 1 || token == TW'(TOKENS - 1);
    assign s0_ready = !token_last || m0_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire && token_last;
    always_ff @(posedge clk)
        if (rst) begin
            group <= '0;
            token <= '0;
        end else if (fire) begin
            group <= group_last ? '0 : group + 1'b1;
            if (group_last) token <= token_last ? '0 : token + 1'b1;
        end

    (* ram_style = "distributed" *) logic [LANES*YW-1:0] sums[GROUPS];
    wire [LANES*YW-1:0] held = token == '0 ? '0 : sums[group];
    logic [LANES*YW-1:0] next;
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [YW-1:0] x = YW'($signed({X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]}));
        assign next[l*YW+:YW] = held[l*YW+:YW] + x;
    end
    always_ff @(posedge clk) begin
        if (fire) sums[group] <= next;
        m0_valid <= m0_take && !rst;
        m0_data  <= next;
        m0_last  <= s0_last;
    end
endmodule
