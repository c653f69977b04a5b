// Reset of the core: while the clock is not locked or the button is pressed, and 16 cycles after.
// Asserted asynchronously, released with the clock.
module accel_board_reset (
    input  logic clk,
    input  logic good,  // locked and not pressed; asynchronous
    output logic rst
);
    logic [1:0] settled;
    logic [4:0] count;

    initial begin
        settled = '0;
        count = '0;
        rst = 1'b1;
    end

    always_ff @(posedge clk or negedge good) begin
        if (!good) settled <= '0;
        else settled <= {settled[0], 1'b1};
    end

    always_ff @(posedge clk) begin
        if (!settled[1]) count <= '0;
        else if (!count[4]) count <= count + 1'b1;
        rst <= !count[4];
    end
endmodule
