// Beats to bytes: LANES elements of WIDTH bits, each extended (by its sign if SIGNED) to BYTES bytes,
// little-endian, lane 0 first. A beat is taken when the one before has left.
module accel_pack #(
    parameter int LANES = 1,
    parameter int WIDTH = 8,
    parameter bit SIGNED = 1,
    parameter int BYTES = 1
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   s_valid,
    output logic                   s_ready,
    input  logic [LANES*WIDTH-1:0] s_data,
    input  logic                   s_last,
    output logic                   m_valid,
    input  logic                   m_ready,
    output logic [7:0]             m_data,
    output logic                   m_last
);
    localparam int TOTAL = LANES * BYTES;
    localparam int B = 8 * TOTAL;
    localparam int C = $clog2(TOTAL + 1);

    logic [B-1:0] extended, bytes;
    logic [C-1:0] left;
    logic last;

    for (genvar lane = 0; lane < LANES; lane++) begin : g_lane
        localparam int TOP = lane * WIDTH + WIDTH - 1;
        always_comb begin
            extended[lane*BYTES*8+:BYTES*8] = {BYTES * 8{SIGNED && s_data[TOP]}};
            extended[lane*BYTES*8+:WIDTH] = s_data[lane*WIDTH+:WIDTH];
        end
    end

    assign s_ready = left == '0;
    assign m_valid = left != '0;
    assign m_data = bytes[7:0];
    assign m_last = last && left == C'(1);

    always_ff @(posedge clk) begin
        if (s_valid && s_ready) begin
            bytes <= extended;
            last  <= s_last;
            left  <= C'(TOTAL);
        end else if (m_valid && m_ready) begin
            bytes <= bytes >> 8;
            left  <= left - 1'b1;
        end
        if (rst) left <= '0;
    end
endmodule
