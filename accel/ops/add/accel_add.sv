// Add: y = P * a + Q * b, LANES channels per beat, when both streams have one. Latency 1, with TABLES 3: factors that are
// no powers of two then take no hard multipliers.
module accel_add #(
    parameter int LANES = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int BW = 8,
    parameter bit B_SIGNED = 1'b1,
    parameter longint P = 64'sd1,
    parameter longint Q = 64'sd1,
    parameter bit TABLES = 1'b0,
    parameter int YW = 9
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*AW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                s1_valid,
    output logic                s1_ready,
    input  logic [LANES*BW-1:0] s1_data,
    input  logic                s1_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    assign s0_ready = s1_valid && m0_room;
    assign s1_ready = s0_valid && m0_room;
    assign m0_take   = s0_valid && s1_valid && m0_room;
    localparam int LATENCY = TABLES ? 3 : 1;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : LATENCY'({valid, m0_take});
        last  <= LATENCY'({last, s0_last && s1_last});
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];
    for (genvar l = 0; l < LANES; l++) begin : lane
        if (TABLES) begin : tables
            wire signed [AW:0] a = {A_SIGNED & s0_data[l*AW+AW-1], s0_data[l*AW+:AW]};
            wire signed [BW:0] b = {B_SIGNED & s1_data[l*BW+BW-1], s1_data[l*BW+:BW]};
            logic [YW-1:0] left, right;
            accel_constant #(.XW(AW + 1), .FACTOR(P), .YW(YW)) times_p (.clk, .x(a), .y(left));
            accel_constant #(.XW(BW + 1), .FACTOR(Q), .YW(YW)) times_q (.clk, .x(b), .y(right));
            always_ff @(posedge clk) m0_data[l*YW+:YW] <= left + right;
        end else begin : hard
            wire signed [YW-1:0] a = YW'($signed({A_SIGNED & s0_data[l*AW+AW-1], s0_data[l*AW+:AW]}));
            wire signed [YW-1:0] b = YW'($signed({B_SIGNED & s1_data[l*BW+BW-1], s1_data[l*BW+:BW]}));
            always_ff @(posedge clk) m0_data[l*YW+:YW] <= a * YW'(P) + b * YW'(Q);
        end
    end
endmodule
