// x * m, product(t + 1): x is signed, m is not. Where x has a bit or two more than a hard multiplier of 18 x 18 bits
// takes, those are a digit to the base of 4 (Booth), -2..2, whose multiple of m is added behind the registers: otherwise
// synthesis would take a second multiplier for them.
module accel_engine_wide_product #(
    parameter int XW = 20,
    parameter int MW = 15,
    localparam int PW = XW + MW + 1
) (
    input  logic                 clk,
    input  logic signed [XW-1:0] x,
    input  logic [MW-1:0]        m,
    output logic signed [PW-1:0] product
);
    localparam int HARD = 18;
    wire signed [MW:0] factor = $signed({1'b0, m});
    if (XW > HARD && XW <= HARD + 2 && MW < HARD) begin : beyond
        localparam int RW = PW - HARD;
        wire [2:0] window = 3'($signed(x[XW-1:HARD-1]));
        wire none = window == 3'd0 || window == 3'd7, two = window == 3'd3 || window == 3'd4;
        wire signed [HARD-1:0] low = x[HARD-1:0];
        logic signed [PW-1:0] whole;
        logic [RW-1:0] times;
        logic negative;
        always_ff @(posedge clk) begin
            whole <= PW'(low) * PW'(factor);
            times <= (none ? '0 : two ? RW'(m) << 1 : RW'(m)) ^ {RW{window[2]}};
            negative <= window[2];
        end
        wire [RW:0] high = {whole[PW-1:HARD], 1'b1} + {times, negative};
        assign product = {high[RW:1], whole[HARD-1:0]};
        wire unused = high[0];
    end else begin : one
        always_ff @(posedge clk) product <= PW'(x) * PW'(factor);
    end
endmodule
