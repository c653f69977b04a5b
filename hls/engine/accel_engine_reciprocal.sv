// The multiplier and the spare bits of a division by x, one x per cycle:
//   inverse = floor(2^NUMERATOR / max(x, 2^LEAST)), of x only the KEPT leading bits (0: all)
//   spare = max(0, bits(inverse) - SIGNIFICANT), multiplier = inverse >> spare (SIGNIFICANT = 0: all bits, spare = 0)
// TABLE = 1: the multiplier of every KEPT leading bits from a memory; latency 2: leading bits, memory. It is for an
// inverse that has SIGNIFICANT bits for every x.
// TABLE = 0: STEPS bits per cycle; latency 1 + ceil(QBITS / STEPS), and 1 where the inverse can have spare bits.
module accel_engine_reciprocal #(
    parameter bit TABLE = 1'b0,
    parameter int XW = 16,
    parameter int KEPT = 0,
    parameter int NUMERATOR = 34,
    parameter int LEAST = 11,
    parameter int QBITS = 24,  // of the largest inverse
    parameter int SIGNIFICANT = 18,
    parameter int MW = 18,
    parameter int JW = 4,
    parameter int STEPS = 3,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "reciprocal.hex"
) (
    input  logic          clk,
    input  logic          rst,
    input  logic [XW-1:0] x,
    output logic [MW-1:0] multiplier,
    output logic [JW-1:0] spare
);
    if (TABLE) begin : table_
        localparam int LO = LEAST + 1 - KEPT, HI = XW > LEAST + 1 ? XW - KEPT : LO;
        localparam int PW = HI > LO ? $clog2(HI - LO + 1) : 1;
        localparam int W = XW > LEAST + 1 ? XW : LEAST + 1;
        localparam int MOST = NUMERATOR - KEPT - SIGNIFICANT + 1 - LO;  // spare bits of the least x that is no power of two
        wire [W-1:0] wide = W'(x);
        wire [W-1:0] clamped = wide >> LEAST == '0 ? W'(1) << LEAST : wide;
        logic [KEPT-1:0] mantissa, mantissa1;
        logic [PW-1:0] place, place1;
        accel_engine_leading #(.XW(W), .MW(KEPT), .STEP(1), .LO(LO), .HI(HI)) leading (.x(clamped), .mantissa, .place);
        // the highest bit is always there: half of the words
        localparam int AW = KEPT > 2 ? KEPT - 1 : 1;
        localparam int DEPTH = KEPT > 1 ? 2 ** (KEPT - 1) : 1;
        logic [MW-1:0] word;
        accel_engine_word #(.WIDTH(MW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(FILE))
            memory (.clk, .address(KEPT > 1 ? mantissa[AW-1:0] : '0), .word);
        wire power_of_two = mantissa1 == KEPT'(1) << (KEPT - 1);  // its inverse has one bit more
        always_ff @(posedge clk) begin
            mantissa1  <= mantissa;
            place1     <= place;
            multiplier <= word;
            spare      <= JW'(MOST) - JW'(place1) + JW'(power_of_two);
        end
        wire unused = rst;
    end else begin : digits
        logic [XW-1:0] cut;
        if (KEPT > 0 && KEPT < XW) begin : cutting
            assign cut[XW-1-:KEPT] = x[XW-1-:KEPT];
            for (genvar i = 0; i < XW - KEPT; i++) begin : lower
                assign cut[i] = x[i] && x[XW-1:i+KEPT] == '0;
            end
        end else begin : all
            assign cut = x;
        end
        logic [QBITS-1:0] inverse;
        logic ready, take, valid, last;
        accel_divide_pipe #(.XW(XW), .QBITS(QBITS), .NUMERATOR(NUMERATOR), .STEPS(STEPS), .FLOOR(LEAST)) divide (
            .clk, .rst, .s0_valid(1'b1), .s0_ready(ready), .s0_data(cut), .s0_last(1'b0),
            .m0_room(1'b1), .m0_take(take), .m0_valid(valid), .m0_data(inverse), .m0_last(last)
        );
        wire unused = ^{ready, take, valid, last};
        if (SIGNIFICANT > 0 && SIGNIFICANT < QBITS) begin : some
            localparam int PW = $clog2(QBITS - SIGNIFICANT + 1);
            logic [SIGNIFICANT-1:0] leading_bits;
            logic [PW-1:0] place;
            accel_engine_leading #(.XW(QBITS), .MW(SIGNIFICANT), .STEP(1), .LO(0), .HI(QBITS - SIGNIFICANT))
                leading (.x(inverse), .mantissa(leading_bits), .place);
            always_ff @(posedge clk) begin
                multiplier <= MW'(leading_bits);
                spare      <= JW'(place);
            end
        end else begin : whole
            assign multiplier = MW'(inverse);
            assign spare = '0;
        end
    end
endmodule
