// y = clip(round(x * MULTIPLIER / 2^SHIFT), LO, HI) without a register.
// MODE as in `accel_engine_rounded`.
module accel_engine_rescale #(
    parameter int XW = 16,  // signed input
    parameter longint MULTIPLIER = 64'sd1,
    parameter int SHIFT = 8,
    parameter int MODE = 1,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8
) (
    input  logic signed [XW-1:0] x,
    output logic [YW-1:0]        y
);
    localparam int PW = MULTIPLIER == 64'sd1 ? XW : XW + $clog2(MULTIPLIER + 64'sd1);  // of the product
    localparam int QW = PW > SHIFT ? PW - SHIFT + 1 : 2;  // rounded
    localparam int SW = QW > YW + 1 ? QW : YW + 1;  // wide enough for the comparison with LO and HI
    wire signed [PW-1:0] product = MULTIPLIER == 64'sd1 ? PW'(x) : PW'(x) * PW'(MULTIPLIER);
    logic signed [QW-1:0] rounded;
    accel_engine_rounded #(.XW(PW), .SHIFT(SHIFT), .MODE(MODE), .YW(QW)) round (.x(product), .y(rounded));
    wire signed [SW-1:0] value = SW'(rounded);
    localparam logic signed [SW-1:0] LOW = SW'(LO), HIGH = SW'(HI);
    assign y = value < LOW ? LOW[YW-1:0] : value > HIGH ? HIGH[YW-1:0] : value[YW-1:0];
endmodule
