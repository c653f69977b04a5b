// Mul: y = a * b, LANES channels per beat, when both streams have one. Latency 2: operands and product have a register
// each, which hard multipliers contain. DIGITS > 0: in look-up tables with as many base-4 digits of b, latency 3.
module accel_mul #(
    parameter int LANES = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int BW = 8,
    parameter bit B_SIGNED = 1'b1,
    parameter int DIGITS = 0,
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
    localparam int LATENCY = DIGITS == 0 ? 2 : 3;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : LATENCY'({valid, m0_take});
        last  <= LATENCY'({last, s0_last && s1_last});
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];
    logic [LANES*AW-1:0] left;
    always_ff @(posedge clk) left <= s0_data;
    for (genvar l = 0; l < LANES; l++) begin : lane
        if (DIGITS == 0) begin : hard
            logic [BW-1:0] right;
            wire signed [YW-1:0] a = YW'($signed({A_SIGNED & left[l*AW+AW-1], left[l*AW+:AW]}));
            wire signed [YW-1:0] b = YW'($signed({B_SIGNED & right[BW-1], right}));
            always_ff @(posedge clk) begin
                right <= s1_data[l*BW+:BW];
                m0_data[l*YW+:YW] <= a * b;
            end
        end else begin : tables
            localparam logic [2*DIGITS-1:0] ONES = {DIGITS{2'b01}};
            wire signed [AW:0] a = {A_SIGNED & left[l*AW+AW-1], left[l*AW+:AW]};
            logic [2*DIGITS-1:0] fields;
            always_ff @(posedge clk)
                fields <= (2 * DIGITS)'($signed({B_SIGNED & s1_data[l*BW+BW-1], s1_data[l*BW+:BW]})) + ONES;
            accel_digits #(.XW(AW + 1), .DIGITS(DIGITS), .YW(YW))
                digits (.clk, .x(a), .fields, .y(m0_data[l*YW+:YW]));
        end
    end
endmodule
