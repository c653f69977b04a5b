// Norm, first unit: per token v = N * sum x^2 [- (sum x)^2] + OFFSET on m0 and sum x on m1.
// BEATS beats of LANES channels per token, N = BEATS * LANES. RMSNorm (LAYER = 0) does not subtract; the sum still flows.
// Latency 6: square, lane sum, accumulate, multiply, subtract, offset. XDIGITS > 0: products in look-up tables, with as
// many base-4 digits of x and TDIGITS of sum x; squares and products take two cycles more, latency 10.
module accel_norm_stats #(
    parameter bit LAYER = 1'b1,
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int TW = 13,  // signed sum x
    parameter int VW = 24,  // unsigned v
    parameter longint OFFSET = 64'sd0,
    parameter int XDIGITS = 0,
    parameter int TDIGITS = 0
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
    localparam int MORE = XDIGITS == 0 ? 0 : 2;
    localparam int SQUARED = 1 + MORE, TOTAL = SQUARED + 2, MULTIPLIED = TOTAL + 1 + MORE;
    logic [MULTIPLIED+1:1] valid, done, last;
    logic [SQUARED+1:1] first;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (fire) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[MULTIPLIED:1], fire};
        first <= {first[SQUARED:1], beat == '0};
        done  <= {done[MULTIPLIED:1], row_last};
        last  <= {last[MULTIPLIED:1], s0_last};
    end

    logic signed [XW:0] values[LANES];  // after SQUARED cycles, like their squares
    logic [2*XW+1:0] squares1[LANES];
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
        if (XDIGITS == 0) begin : hard
            always_ff @(posedge clk) if (fire) begin
                values[l] <= x;
                squares1[l] <= (2 * XW + 2)'(x) * (2 * XW + 2)'(x);
            end
        end else begin : tables
            logic signed [XW:0] x1, x2;
            logic [2*XDIGITS-1:0] fields;
            always_ff @(posedge clk) begin
                x1 <= x;
                x2 <= x1;
                values[l] <= x2;
                fields <= (2 * XDIGITS)'(x) + {XDIGITS{2'b01}};
            end
            accel_digits #(.XW(XW+1), .DIGITS(XDIGITS), .YW(2*XW+2)) digits (.clk, .x(x1), .fields, .y(squares1[l]));
        end
    end
    logic signed [TW-1:0] sum, sum2, total3, total4, total5;
    logic [VW-1:0] squares, squares2, squares3, scaled4, minus4, variance5;
    always_comb begin
        sum = '0;
        squares = '0;
        for (int l = 0; l < LANES; l++) begin
            sum = sum + TW'(values[l]);
            squares = squares + VW'(squares1[l]);
        end
    end
    always_ff @(posedge clk) begin
        if (valid[SQUARED]) begin
            sum2 <= sum;
            squares2 <= squares;
        end
        if (valid[SQUARED+1]) begin
            total3 <= (first[SQUARED+1] ? '0 : total3) + sum2;
            squares3 <= (first[SQUARED+1] ? '0 : squares3) + squares2;
        end
    end
    if (XDIGITS == 0) begin : hard
        always_ff @(posedge clk) if (valid[TOTAL] && done[TOTAL]) begin
            scaled4 <= squares3 * VW'(N);
            minus4 <= LAYER ? VW'(total3) * VW'(total3) : '0;
            total4 <= total3;
        end
    end else begin : tables
        logic [VW-1:0] scaled, scaled1, scaled2;
        logic signed [TW-1:0] total1, total2;
        always_comb begin  // `*` would take a hard multiplier
            scaled = '0;
            for (int i = 0; i < $clog2(N + 1); i++) if (N[i]) scaled = scaled + (squares3 << i);
        end
        always_ff @(posedge clk) begin
            scaled1 <= scaled;
            scaled2 <= scaled1;
            scaled4 <= scaled2;
            total1 <= total3;
            total2 <= total1;
            total4 <= total2;
        end
        if (LAYER) begin : squared
            logic [2*TDIGITS-1:0] fields;
            always_ff @(posedge clk) fields <= (2 * TDIGITS)'(total3) + {TDIGITS{2'b01}};
            accel_digits #(.XW(TW), .DIGITS(TDIGITS), .YW(VW)) digits (.clk, .x(total1), .fields, .y(minus4));
        end else begin : none
            assign minus4 = '0;
        end
    end
    always_ff @(posedge clk) begin
        variance5 <= scaled4 - minus4;
        total5 <= total4;
        m0_data <= variance5 + VW'(OFFSET);
        m1_data <= total5;
        m0_valid <= valid[MULTIPLIED+1] && done[MULTIPLIED+1] && !rst;
        m1_valid <= valid[MULTIPLIED+1] && done[MULTIPLIED+1] && !rst;
        m0_last <= last[MULTIPLIED+1];
        m1_last <= last[MULTIPLIED+1];
    end
endmodule
