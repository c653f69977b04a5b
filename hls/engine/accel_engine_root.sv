// R and the exponent a of a Norm from v, the sum of squares with its offset:
//   L2 = 1: a = ceil((bits(v) - 2 GUARD) / 2), at least -GUARD, r = isqrt(floor(v / 4^a) * 4^FRACTION)
//   L2 = 0: a = 0, r = isqrt(v * 4^GUARD), for the forms "rms" and "layer"
//   multiplier = GAIN * floor(2^NUMERATOR / max(r, 2^LEAST)). Multiplier and exponent stay until the next ones.
// TABLE = 1 (for L2): R of every floor(v / 4^a) from a memory; latency 2: leading bits, memory.
// TABLE = 0: STEPS bits per cycle; latency L2 + ceil(RBITS / STEPS) + ceil(QBITS / STEPS) + (GAIN > 1), and the next v
// comes no earlier than that.
module accel_engine_root #(
    parameter bit TABLE = 1'b0,
    parameter bit L2 = 1'b1,
    parameter int GUARD = 5,
    parameter int FRACTION = 0,
    parameter int NUMERATOR = 26,
    parameter int LEAST = 12,
    parameter int VW = 36,
    parameter longint GAIN = 64'sd1,
    parameter int MW = 15,
    parameter int EW = 5,
    parameter int STEPS = 3,
    parameter bit BLOCK = 1'b0,  // the memory is a block RAM
    parameter FILE = "root.hex"
) (
    input  logic                 clk,
    input  logic                 rst,
    input  logic                 valid,
    input  logic [VW-1:0]        v,
    output logic [MW-1:0]        multiplier,
    output logic signed [EW-1:0] exponent
);
    localparam int LO = -GUARD;
    localparam int REACH = VW > 2 * GUARD ? (VW - 2 * GUARD + 1) / 2 : -((2 * GUARD - VW) / 2);
    localparam int HI = REACH > LO ? REACH : LO;
    localparam int BITS = 2 * GUARD;
    localparam int PW = HI > LO ? $clog2(HI - LO + 1) : 1;
    logic [BITS-1:0] mantissa;
    logic [PW-1:0] place;
    if (L2) begin : l2
        accel_engine_leading #(.XW(VW), .MW(BITS), .STEP(2), .LO(LO), .HI(HI)) leading (.x(v), .mantissa, .place);
    end else begin : whole
        assign mantissa = '0;
        assign place = '0;
        wire unused = ^{mantissa, place};
    end

    if (TABLE) begin : table_
        logic valid1;
        logic [PW-1:0] place1;
        logic [MW-1:0] word;
        always_ff @(posedge clk) begin
            valid1 <= valid && !rst;
            place1 <= place;
            if (valid1) begin
                multiplier <= word;
                exponent   <= EW'(LO) + EW'(place1);
            end
        end
        accel_engine_word #(.WIDTH(MW), .DEPTH(2 ** BITS), .BLOCK(BLOCK), .FILE(FILE))
            memory (.clk, .address(mantissa), .word);
    end else begin : digits
        localparam int RBITS = L2 ? GUARD + FRACTION : (VW + BITS + 1) / 2;
        localparam int QBITS = NUMERATOR - LEAST + 1;
        localparam int DW = RBITS > LEAST + 1 ? RBITS : LEAST + 1;
        logic start, rooted, divided;
        logic [2*RBITS-1:0] square;
        logic [RBITS-1:0] root;
        logic [QBITS-1:0] inverse;
        logic signed [EW-1:0] found;
        if (L2) begin : scaled
            logic [BITS-1:0] mantissa1;
            always_ff @(posedge clk) begin
                start <= valid && !rst;
                if (valid) begin
                    mantissa1 <= mantissa;
                    found     <= EW'(LO) + EW'(place);
                end
            end
            assign square = (2 * RBITS)'(mantissa1) << (2 * FRACTION);
        end else begin : direct
            assign start = valid;
            assign square = (2 * RBITS)'(v) << BITS;
            assign found = '0;
        end
        accel_engine_isqrt #(.RBITS(RBITS), .STEPS(STEPS)) isqrt (.clk, .rst, .start, .x(square), .done(rooted), .root);
        localparam logic [DW-1:0] FLOOR = DW'(1) << LEAST;
        wire [DW-1:0] divisor = DW'(root) < FLOOR ? FLOOR : DW'(root);
        accel_engine_inverse #(.DW(DW), .QBITS(QBITS), .NUMERATOR(NUMERATOR), .STEPS(STEPS))
            divide (.clk, .rst, .start(rooted), .divisor, .done(divided), .quotient(inverse));
        logic ended;
        if (GAIN > 1) begin : gain
            always_ff @(posedge clk) begin
                ended <= divided && !rst;
                if (divided) multiplier <= MW'(inverse) * MW'(GAIN);
            end
        end else begin : plain
            assign ended = divided;
            assign multiplier = MW'(inverse);
        end
        logic signed [EW-1:0] kept;  // the exponent that belongs to the multiplier
        assign exponent = ended ? found : kept;
        always_ff @(posedge clk) if (ended) kept <= found;
    end
endmodule
