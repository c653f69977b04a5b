// Place within a row and which of its LANES keys the query may see. Counts beats, then heads, then queries.
module accel_softmax_mask #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int HEADS = 1,
    parameter int TOKENS = 8,
    parameter bit CAUSAL = 1'b0,
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             fire,
    output logic [BW-1:0]    beat,
    output logic             row_last,
    output logic [LANES-1:0] visible
);
    assign row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    always_ff @(posedge clk)
        if (rst) beat <= '0;
        else if (fire) beat <= row_last ? '0 : beat + 1'b1;
    if (CAUSAL) begin : causal
        localparam int ROW = BEATS * LANES;
        localparam int HW = HEADS > 1 ? $clog2(HEADS) : 1, KW = $clog2(ROW + 1);
        logic [HW-1:0] head;
        logic [KW-1:0] keys;  // how many the present query sees
        wire head_last = HEADS == 1 || head == HW'(HEADS - 1);
        always_ff @(posedge clk)
            if (rst) begin
                head <= '0;
                keys <= KW'(ROW - TOKENS + 1);
            end else if (fire && row_last) begin
                head <= head_last ? '0 : head + 1'b1;
                if (head_last) keys <= keys == KW'(ROW) ? KW'(ROW - TOKENS + 1) : keys + 1'b1;
            end
        for (genvar l = 0; l < LANES; l++) begin : lane
            assign visible[l] = 32'(beat) * LANES + l < 32'(keys);
        end
    end else begin : all
        assign visible = '1;
    end
endmodule
