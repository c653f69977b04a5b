// Serial transmitter, 8 data bits, no parity, 1 stop bit. A byte takes 10 * CLOCKS_PER_BIT cycles.
module accel_uart_tx #(
    parameter int CLOCKS_PER_BIT = 8
) (
    input  logic       clk,
    input  logic       rst,
    input  logic       valid,
    output logic       ready,
    input  logic [7:0] data,
    output logic       tx
);
    localparam int W = $clog2(CLOCKS_PER_BIT);
    localparam logic [W-1:0] WHOLE = W'(CLOCKS_PER_BIT - 1);

    logic [8:0] shift;  // what follows the bit on the line
    logic [3:0] left;  // bits that are not over yet
    logic [W-1:0] timer;

    assign ready = left == '0;

    always_ff @(posedge clk) begin
        timer <= (timer == '0) ? WHOLE : timer - 1'b1;
        if (rst) begin
            left <= '0;
            tx   <= 1'b1;
        end else if (ready) begin
            timer <= WHOLE;
            if (valid) begin
                left  <= 4'd10;
                tx    <= 1'b0;
                shift <= {1'b1, data};
            end
        end else if (timer == '0) begin
            left  <= left - 1'b1;
            tx    <= shift[0];
            shift <= {1'b1, shift[8:1]};
        end
    end
endmodule
