// Norm, first unit: per token v = N * sum x^2 [- (sum x)^2] + OFFSET on m0 and sum x on m1.
// BEATS beats of LANES channels per token, N = BEATS * LANES. RMSNorm (LAYER = 0) does not subtract; the sum still flows.
// Latency 6: square, lane sum, accumulate, multiply, subtract, offset.
module accel_norm_stats #(
    parameter bit LAYER = 1'b1,
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int TW = 13,  // signed sum x
    parameter int VW = 24,  // unsigned v
    parameter longint OFFSET = 64'sd0
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
    output logic [VW-1:0]       m0_data,
    output logic                m0_last,
    input  logic                m1_room,
    output logic                m1_take,
    output logic                m1_valid,
    output logic [TW-1:0]       m1_data,
    output logic                m1_last
);
    localparam int N = BEATS * LANES;
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [BW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign s0_ready = !row_last || (m0_room && m1_room);
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire && row_last;
    assign m1_take = m0_take;
    logic [5:1] valid, done, last;
    logic [2:1] first;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (fire) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[4:1], fire};
        first <= {first[1], beat == '0};
        done  <= {done[4:1], row_last};
        last  <= {last[4:1], s0_last};
    end

    logic signed [XW:0] x1[LANES];
    logic [2*XW+1:0] square1[LANES];
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
        always_ff @(posedge clk) if (fire) begin
            x1[l] <= x;
            square1[l] <= (2 * XW + 2)'(x) * (2 * XW + 2)'(x);
        end
    end
    logic signed [TW-1:0] sum, sum2, total3, total4, total5;
    logic [VW-1:0] squares, squares2, squares3, scaled4, minus4, variance5;
    always_comb begin
        sum = '0;
        squares = '0;
        for (int l = 0; l < LANES; l++) begin
            sum = sum + TW'(x1[l]);
            squares = squares + VW'(square1[l]);
        end
    end
    always_ff @(posedge clk) begin
        if (valid[1]) begin
            sum2 <= sum;
            squares2 <= squares;
        end
        if (valid[2]) begin
            total3 <= (first[2] ? '0 : total3) + sum2;
            squares3 <= (first[2] ? '0 : squares3) + squares2;
        end
        if (valid[3] && done[3]) begin
            scaled4 <= squares3 * VW'(N);
            minus4 <= LAYER ? VW'(total3) * VW'(total3) : '0;
            total4 <= total3;
        end
        variance5 <= scaled4 - minus4;
        total5 <= total4;
        m0_data <= variance5 + VW'(OFFSET);
        m1_data <= total5;
        m0_valid <= valid[5] && done[5] && !rst;
        m1_valid <= valid[5] && done[5] && !rst;
        m0_last <= last[5];
        m1_last <= last[5];
    end
endmodule
