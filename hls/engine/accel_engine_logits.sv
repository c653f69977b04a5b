// Logits instead of tokens: they come in P at a time, and leave one by one, in every other cycle at most, as soon as
// s_valid says that all of a token are there. s_ready comes with the last one; until then, nothing may come in.
module accel_engine_logits #(
    parameter int P = 8,
    parameter int W = 20,
    parameter int BW = 2,  // of a block's number
    parameter int VOCABULARY = 27,
    parameter bit BLOCK = 1'b0  // block RAM
) (
    input  logic           clk,
    input  logic           rst,
    input  logic           valid,
    input  logic [BW-1:0]  block,
    input  logic [P*W-1:0] values,
    input  logic           s_valid,
    output logic           s_ready,
    output logic           m_valid,
    input  logic           m_ready,
    output logic [W-1:0]   m_data,
    output logic           m_last
);
    localparam int DEPTH = (VOCABULARY + P - 1) / P, AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int LW = P > 1 ? $clog2(P) : 1;
    logic [AW-1:0] place;
    logic [LW-1:0] lane;
    logic there;  // the word of the place
    logic [P*W-1:0] word;
    accel_engine_memory #(.WIDTH(P * W), .DEPTH(DEPTH), .BLOCK(BLOCK)) memory
        (.clk, .write(valid), .target(AW'(block)), .data(values), .read(place), .word);
    wire leaves = m_valid && m_ready, lane_end = lane == LW'(P - 1);
    assign m_valid = s_valid && there;
    assign m_data  = word[lane*W+:W];
    assign m_last  = 32'(place) * P + 32'(lane) == VOCABULARY - 1;
    assign s_ready = leaves && m_last;
    always_ff @(posedge clk)
        if (rst || !s_valid || s_ready) begin
            place <= '0;
            lane  <= '0;
            there <= s_valid && !rst && !s_ready;
        end else begin
            there <= !leaves;
            if (leaves) begin
                lane <= lane_end ? '0 : lane + 1'b1;
                if (lane_end) place <= place + 1'b1;
            end
        end
endmodule
