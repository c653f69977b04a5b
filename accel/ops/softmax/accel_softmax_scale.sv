// Softmax, last unit: p = min((E * F + 2^(SHIFT - 1)) >> SHIFT, 2^YW - 1), F once per row.
// DIGITS = 0: in hard multipliers, latency 3; else in look-up tables with as many base-4 digits of F, latency 5.
module accel_softmax_scale #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int EW = 12,
    parameter int FW = 13,
    parameter int SHIFT = 16,
    parameter int YW = 8,
    parameter int DIGITS = 0
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*EW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                s1_valid,
    output logic                s1_ready,
    input  logic [FW-1:0]       s1_data,
    input  logic                s1_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [BW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign s0_ready = s1_valid && m0_room;
    assign m0_take   = s0_valid && s0_ready;
    assign s1_ready = s0_valid && m0_room && row_last;
    logic unused_last;
    assign unused_last = s1_last;
    localparam int LATENCY = DIGITS == 0 ? 3 : 5;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (m0_take) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[LATENCY-1:1], m0_take};
        last  <= {last[LATENCY-1:1], s0_last};
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];
    logic [LANES*(EW+FW)-1:0] products;
    if (DIGITS == 0) begin : hard
        for (genvar l = 0; l < LANES; l++) begin : lane
            always_ff @(posedge clk)
                if (m0_take) products[l*(EW+FW)+:EW+FW] <= (EW + FW)'(s0_data[l*EW+:EW]) * (EW + FW)'(s1_data);
        end
    end else begin : tables
        localparam logic [2*DIGITS-1:0] ONES = {DIGITS{2'b01}};
        logic [2*DIGITS-1:0] fields;
        logic [LANES*EW-1:0] exponentials;
        always_ff @(posedge clk) begin
            fields <= (2 * DIGITS)'(s1_data) + ONES;
            exponentials <= s0_data;
        end
        for (genvar l = 0; l < LANES; l++) begin : lane
            accel_digits #(.XW(EW+1), .DIGITS(DIGITS), .YW(EW+FW))
                digits (.clk, .x({1'b0, exponentials[l*EW+:EW]}), .fields, .y(products[l*(EW+FW)+:EW+FW]));
        end
    end
    for (genvar l = 0; l < LANES; l++) begin : finish
        wire signed [EW+FW:0] positive = {1'b0, products[l*(EW+FW)+:EW+FW]};
        accel_round #(.XW(EW+FW+1), .SHIFT(SHIFT), .MODE(1), .LO(64'sd0), .HI((64'sd1 << YW) - 64'sd1), .YW(YW))
            round (.clk, .enable(valid[LATENCY-1:LATENCY-2]), .x(positive), .y(m0_data[l*YW+:YW]));
    end
endmodule
