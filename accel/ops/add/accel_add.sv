// Add: y = P * a + Q * b, LANES channels per beat, when both streams have one. Latency 1.
module accel_add #(
    parameter int LANES = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int BW = 8,
    parameter bit B_SIGNED = 1'b1,
    parameter int P = 1,
    parameter int Q = 1,
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
    always_ff @(posedge clk) begin
        m0_valid <= m0_take && !rst;
        m0_last  <= s0_last && s1_last;
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [YW-1:0] a = YW'($signed({A_SIGNED & s0_data[l*AW+AW-1], s0_data[l*AW+:AW]}));
        wire signed [YW-1:0] b = YW'($signed({B_SIGNED & s1_data[l*BW+BW-1], s1_data[l*BW+:BW]}));
        always_ff @(posedge clk) m0_data[l*YW+:YW] <= a * YW'(P) + b * YW'(Q);
    end
endmodule
