// Mul: y = a * b, LANES channels per beat, when both streams have one. Latency 2: operands and product have a register
// each, which hard multipliers contain.
module accel_mul #(
    parameter int LANES = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int BW = 8,
    parameter bit B_SIGNED = 1'b1,
    parameter int YW = 16
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
    logic valid, last;
    logic [LANES*AW-1:0] left;
    logic [LANES*BW-1:0] right;
    always_ff @(posedge clk) begin
        {m0_valid, valid} <= rst ? '0 : {valid, m0_take};
        {m0_last, last} <= {last, s0_last && s1_last};
        left  <= s0_data;
        right <= s1_data;
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [YW-1:0] a = YW'($signed({A_SIGNED & left[l*AW+AW-1], left[l*AW+:AW]}));
        wire signed [YW-1:0] b = YW'($signed({B_SIGNED & right[l*BW+BW-1], right[l*BW+:BW]}));
        always_ff @(posedge clk) m0_data[l*YW+:YW] <= a * b;
    end
endmodule
