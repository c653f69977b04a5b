// Serial receiver, 8 data bits, no parity, 1 stop bit: samples every bit in its middle.
//
// `valid` is high for one cycle with each byte; a byte whose stop bit is not 1 is dropped.
// Latency: half a bit after the middle of the stop bit begins. CLOCKS_PER_BIT: at least 4.
module accel_uart_rx #(
    parameter int CLOCKS_PER_BIT = 8
) (
    input  logic       clk,
    input  logic       rst,
    input  logic       rx,
    output logic       valid,
    output logic [7:0] data
);
    localparam int W = $clog2(CLOCKS_PER_BIT);
    localparam logic [W-1:0] WHOLE = W'(CLOCKS_PER_BIT - 1);
    localparam logic [W-1:0] HALF = W'(CLOCKS_PER_BIT / 2 - 1);

    logic [1:0] line;  // rx after two synchronising registers
    logic       busy;
    logic [W-1:0] timer;
    logic [3:0] index;  // 0 start bit, 1..8 data, 9 stop bit

    always_ff @(posedge clk) begin
        line  <= {line[0], rx};
        valid <= 1'b0;
        timer <= (timer == '0) ? WHOLE : timer - 1'b1;
        if (rst) busy <= 1'b0;
        else if (!busy) begin
            busy  <= !line[1];
            timer <= HALF;
            index <= '0;
        end else if (timer == '0) begin
            index <= index + 1'b1;
            if (index == 4'd0) busy <= !line[1];  // a glitch is no start bit
            else if (index == 4'd9) begin
                busy  <= 1'b0;
                valid <= line[1];
            end else data <= {line[1], data[7:1]};
        end
    end
endmodule
