// accel_uart_tx into accel_uart_rx: after any noise and a silence of a byte, all bytes arrive, unchanged and in order.
//
// A model counts bytes sent and bytes received. The byte number `watched` (any) arrives as it was sent, so all do.
module uart_check #(
    parameter int CLOCKS_PER_BIT = 4,
    parameter int NOISE = 44  // cycles; after a byte of it the receiver may be in any state
) (
    input logic       clk,
    input logic       noise,
    input logic       valid,
    input logic [7:0] data
);
    localparam int SILENCE = 11 * CLOCKS_PER_BIT;
    localparam int LATENCY = 10 * CLOCKS_PER_BIT + 2;  // from taking a byte to giving it
    logic rst, ready, line, received;
    logic [7:0] got, watched_data, now;
    logic [2:0] sent, arrived;
    logic [6:0] idle;  // cycles since a byte was taken
    (* anyconst *) logic [2:0] watched;

    wire noisy = now < 8'(NOISE);
    wire quiet = now == 8'(NOISE + SILENCE);
    wire go = valid && quiet && ready;

    accel_uart_tx #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) u_tx (
        .clk, .rst, .valid(valid && quiet), .ready, .data, .tx(line)
    );
    accel_uart_rx #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) u_rx (
        .clk, .rst, .rx(noisy ? noise : line), .valid(received), .data(got)
    );

    initial rst = 1'b1;
    initial {now, sent, arrived, idle} = '0;

    always_ff @(posedge clk) begin
        rst <= 1'b0;
        now <= quiet ? now : now + 1'b1;
        sent <= sent + 3'(go);
        arrived <= arrived + 3'(quiet && received);
        if (go && sent == watched) watched_data <= data;
        idle <= go ? '0 : (idle == 7'(LATENCY)) ? idle : idle + 1'b1;
    end

    always_comb
        if (quiet) begin
            assert (!received || arrived != sent);  // nothing arrives that was not sent
            assert (!received || arrived != watched || got == watched_data);
            assert (sent - arrived <= 3'd2);  // one on the line, one at its stop bit
            assert (idle < 7'(LATENCY) || arrived == sent);  // nothing is lost
        end
endmodule
