// The KEPT leading bits of x, all others 0. Latency 2, one x per cycle: copies of the leading bit fill all places below it,
// and KEPT places further down they say which bits to clear.
module accel_divide_kept #(
    parameter int XW = 17,
    parameter int KEPT = 9
) (
    input  logic          clk,
    input  logic          rst,
    input  logic          s0_valid,
    output logic          s0_ready,
    input  logic [XW-1:0] s0_data,
    input  logic          s0_last,
    input  logic          m0_room,
    output logic          m0_take,
    output logic          m0_valid,
    output logic [XW-1:0] m0_data,
    output logic          m0_last
);
    assign s0_ready = m0_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire;
    logic [2:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[1], fire};
        last  <= {last[1], s0_last};
    end
    assign {m0_valid, m0_last} = {valid[2], last[2]};

    logic [XW-1:0] filled, filled1, x1;
    always_comb begin
        filled = s0_data;
        for (int k = 1; k < XW; k *= 2) filled = filled | (filled >> k);
    end
    always_ff @(posedge clk) begin
        x1 <= s0_data;
        filled1 <= filled;
        m0_data <= x1 & ~(filled1 >> KEPT);
    end
endmodule
