// The leading MW bits of x and where they begin, without a register: mantissa = x >> STEP * a (a left shift for a < 0),
// place = a - LO, for the least a of LO..HI by which x >> STEP * a fits MW bits. STEP * HI + MW >= XW.
// One signal per place says that it is the one; a bit of the mantissa is an OR over all places.
module accel_engine_leading #(
    parameter int XW = 36,
    parameter int MW = 10,
    parameter int STEP = 2,
    parameter int LO = -5,
    parameter int HI = 13,
    localparam int COUNT = HI - LO + 1,
    localparam int PW = COUNT > 1 ? $clog2(COUNT) : 1
) (
    input  logic [XW-1:0] x,
    output logic [MW-1:0] mantissa,
    output logic [PW-1:0] place
);
    localparam int BELOW = LO < 0 ? -LO * STEP : 0;  // zeros below x, for left shifts
    localparam int TOP = STEP * HI + MW > XW ? STEP * HI + MW : XW;
    localparam int W = TOP + BELOW;
    wire [W-1:0] wide = W'(x) << BELOW;
    logic [COUNT-1:0] reaches;  // x has a bit in the highest STEP bits of this place
    logic [COUNT-1:0] hot;
    for (genvar i = 0; i < COUNT; i++) begin : at
        localparam int FIRST = STEP * (LO + i) + BELOW;
        assign reaches[i] = i == 0 || |wide[FIRST+MW-1-:STEP];
        if (i == COUNT - 1) begin : highest
            assign hot[i] = reaches[i];
        end else begin : other
            assign hot[i] = reaches[i] && reaches[COUNT-1:i+1] == '0;
        end
    end
    always_comb begin
        mantissa = '0;
        place = '0;
        for (int i = 0; i < COUNT; i++) begin
            mantissa = mantissa | (wide[STEP*(LO+i)+BELOW+:MW] & {MW{hot[i]}});
            place = place | (PW'(i) & {PW{hot[i]}});
        end
    end
endmodule
