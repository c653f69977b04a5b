// CRC-32 (reflected polynomial EDB88320, as in zlib), one bit per cycle: a byte takes 8 cycles.
//
// `state` is the register before the final inversion; `clear` loads START. A byte may be given only
// while `busy` is low, which a serial line with at least 4 clocks per bit ensures by itself.
module accel_crc32 #(
    parameter logic [31:0] START = 32'hFFFFFFFF
) (
    input  logic        clk,
    input  logic        clear,
    input  logic        valid,
    input  logic [7:0]  data,
    output logic        busy,
    output logic [31:0] state
);
    logic [3:0] left;

    assign busy = left != '0;

    always_ff @(posedge clk) begin
        if (clear) begin
            state <= START;
            left  <= '0;
        end else if (valid) begin
            state <= state ^ {24'd0, data};
            left  <= 4'd8;
        end else if (busy) begin
            state <= {1'b0, state[31:1]} ^ (state[0] ? 32'hEDB88320 : 32'd0);
            left  <= left - 1'b1;
        end
    end
endmodule
