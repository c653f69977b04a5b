// Bytes to beats: LANES elements of BYTES bytes each, little-endian, lane 0 first, cut to WIDTH bits.
// Takes one byte per cycle until a beat is full; the beat waits for `m_ready`.
module accel_unpack #(
    parameter int LANES = 1,
    parameter int WIDTH = 8,
    parameter int BYTES = 1
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   s_valid,
    output logic                   s_ready,
    input  logic [7:0]             s_data,
    input  logic                   s_last,
    output logic                   m_valid,
    input  logic                   m_ready,
    output logic [LANES*WIDTH-1:0] m_data,
    output logic                   m_last
);
    localparam int TOTAL = LANES * BYTES;
    localparam int B = 8 * TOTAL;
    localparam int C = $clog2(TOTAL + 1);

    logic [B-1:0] bytes_unused_high;  // the bits of an element above WIDTH are not looked at
    logic [C-1:0] count;

    assign s_ready = !m_valid;

    for (genvar lane = 0; lane < LANES; lane++) begin : g_lane
        assign m_data[lane*WIDTH+:WIDTH] = bytes_unused_high[lane*BYTES*8+:WIDTH];
    end

    always_ff @(posedge clk) begin
        if (s_valid && s_ready) begin
            bytes_unused_high <= B'({s_data, bytes_unused_high} >> 8);
            count <= (count == C'(TOTAL - 1)) ? '0 : count + 1'b1;
            m_valid <= count == C'(TOTAL - 1);
            m_last <= s_last;
        end
        if (m_valid && m_ready) m_valid <= 1'b0;
        if (rst) begin
            count   <= '0;
            m_valid <= 1'b0;
        end
    end
endmodule
