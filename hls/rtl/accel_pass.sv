// Passes beats from a stream into a buffer: the entrance of a design, and the head of stages that follow a fork.
// Latency 1.
module accel_pass #(
    parameter int WIDTH = 8
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             s0_valid,
    output logic             s0_ready,
    input  logic [WIDTH-1:0] s0_data,
    input  logic             s0_last,
    input  logic             m0_room,
    output logic             m0_take,
    output logic             m0_valid,
    output logic [WIDTH-1:0] m0_data,
    output logic             m0_last
);
    assign s0_ready = m0_room;
    assign m0_take  = s0_valid && m0_room;
    always_ff @(posedge clk) begin
        m0_valid <= m0_take && !rst;
        m0_data  <= s0_data;
        m0_last  <= s0_last;
    end
endmodule
