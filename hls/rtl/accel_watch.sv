// Reports a buffer to the simulation when it ends (`accel_buffer_state` of the harness): the most places that were
// taken at once, whether a beat waits at its head, whether a place is free. Not for synthesis: the design instantiates
// it only under ACCEL_TRACE.
`ifdef ACCEL_TRACE
module accel_watch #(
    parameter int ID = 0
) (
    input logic clk,
    input logic rst,
    input logic room,
    input logic take,
    input logic valid,
    input logic ready
);
    import "DPI-C" function void accel_buffer_state(input int id, input int most, input int valid, input int room);
    int taken, most;
    wire integer now = taken + int'(take);  // places held in this cycle
    always_ff @(posedge clk)
        if (rst) begin
            taken <= 0;
            most  <= 0;
        end else begin
            taken <= now - int'(valid && ready);
            if (now > most) most <= now;
        end
    final accel_buffer_state(ID, most, int'(valid), int'(room));
endmodule
`endif
