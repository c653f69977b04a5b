// Norm of form l2, first unit: per token v = sum x^2 + OFFSET. BEATS beats of LANES channels per token.
// Latency 5: operands, square, lane sum, accumulate, offset.
module accel_norm_squares #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int XW = 25,
    parameter bit X_SIGNED = 1'b1,
    parameter int VW = 53,  // unsigned v
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
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [BW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign s0_ready = !row_last || m0_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire && row_last;
    logic [4:1] valid, done, last;
    logic [3:1] first;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (fire) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[3:1], fire};
        first <= {first[2:1], beat == '0};
        done  <= {done[3:1], row_last};
        last  <= {last[3:1], s0_last};
    end

    localparam int SW = 2 * XW + 2;
    logic [SW-1:0] squares2[LANES];
    for (genvar l = 0; l < LANES; l++) begin : lane
        logic signed [XW:0] x1;
        always_ff @(posedge clk) begin
            x1 <= {X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]};
            squares2[l] <= SW'(x1) * SW'(x1);
        end
    end
    logic [VW-1:0] sum, sum3, total4;
    always_comb begin
        sum = '0;
        for (int l = 0; l < LANES; l++) sum = sum + VW'(squares2[l]);
    end
    always_ff @(posedge clk) begin
        sum3 <= sum;
        if (valid[3]) total4 <= (first[3] ? '0 : total4) + sum3;
        m0_data  <= total4 + VW'(OFFSET);
        m0_valid <= valid[4] && done[4] && !rst;
        m0_last  <= last[4];
    end
endmodule
