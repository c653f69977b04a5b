// accel_crc32: after any bytes since the last clear, `state` is what the byte-wise definition gives.
module crc_check (
    input logic       clk,
    input logic       clear,
    input logic       valid,
    input logic [7:0] data
);
    localparam logic [31:0] START = 32'h12345678;
    logic busy, known;
    logic [31:0] state, expected;
    logic [3:0] age;  // cycles since the last byte

    accel_crc32 #(.START(START)) dut (.*);

    function automatic logic [31:0] step(input logic [31:0] crc, input logic [7:0] value);
        step = crc ^ {24'd0, value};
        for (int i = 0; i < 8; i++) step = (step >> 1) ^ (step[0] ? 32'hedb88320 : 32'd0);
    endfunction

    initial known = 1'b0;

    always_ff @(posedge clk) begin
        if (clear) begin
            known <= 1'b1;
            expected <= START;
            age <= 4'd15;
        end else begin
            if (valid) expected <= step(expected, data);
            age <= valid ? '0 : (age == 4'd15) ? age : age + 1'b1;
        end
    end

    always_comb begin
        assume (!valid || clear || !busy);
        if (known) begin
            assert (busy || state == expected);
            assert (!busy || age < 4'd8);
        end
    end
endmodule
