// Joins RATIO narrow beats into one wide beat, the first in the lowest lanes. Latency 1.
module accel_gather #(
    parameter int WIDTH = 8,  // of a narrow beat
    parameter int RATIO = 2
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   s0_valid,
    output logic                   s0_ready,
    input  logic [WIDTH-1:0]       s0_data,
    input  logic                   s0_last,
    input  logic                   m0_room,
    output logic                   m0_take,
    output logic                   m0_valid,
    output logic [RATIO*WIDTH-1:0] m0_data,
    output logic                   m0_last
);
    localparam int CW = $clog2(RATIO);
    logic [CW-1:0] count;
    wire full = count == CW'(RATIO - 1);
    assign s0_ready = !full || m0_room;
    assign m0_take  = s0_valid && full && m0_room;
    always_ff @(posedge clk) begin
        if (rst) count <= '0;
        else if (s0_valid && s0_ready) count <= full ? '0 : count + 1'b1;
        if (s0_valid && s0_ready) m0_data <= {s0_data, m0_data[RATIO*WIDTH-1:WIDTH]};
        m0_valid <= m0_take && !rst;
        m0_last  <= s0_last;
    end
endmodule
