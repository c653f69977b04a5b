// The leading MW bits of x, and where they begin: a = max(LO, ceil((bits(x) - MW) / STEP)), mantissa = x >> STEP * a on m0
// (a left shift for a < 0), a - LO on m1, or HI - a if DOWN. HI is the largest a. Latency 3, one x per cycle.
module accel_leading #(
    parameter int XW = 30,
    parameter int MW = 18,
    parameter int STEP = 1,
    parameter int LO = 0,
    parameter int HI = 12,
    parameter bit DOWN = 1'b0,
    parameter int EW = 4
) (
    input  logic          clk,
    input  logic          rst,
    input  logic          s0_valid,
    output logic          s0_ready,
    input  logic [XW-1:0] s0_data,
    input  logic          s0_last,
    input  logic          m0_room,
    output logic          m0_take,
    output logic          m0_valid,
    output logic [MW-1:0] m0_data,
    output logic          m0_last,
    input  logic          m1_room,
    output logic          m1_take,
    output logic          m1_valid,
    output logic [EW-1:0] m1_data,
    output logic          m1_last
);
    localparam int MORE = LO < 0 ? -LO * STEP : 0, LESS = LO > 0 ? LO * STEP : 0;  // LO is a shift that all share
    localparam int WW = (XW + MORE > MW ? XW + MORE : MW) + STEP;
    assign s0_ready = m0_room && m1_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire;
    assign m1_take = fire;
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[2:1], fire};
        last  <= {last[2:1], s0_last};
    end
    assign {m0_valid, m1_valid, m0_last, m1_last} = {valid[3], valid[3], last[3], last[3]};

    logic [XW-1:0] x1, x2;
    logic [EW-1:0] place, place2;  // a - LO
    always_comb begin
        place = '0;
        for (int k = 0; k < XW; k++)
            if (x1[k] && k + 1 - MW > STEP * LO) place = EW'((k - MW + STEP - STEP * LO) / STEP);
    end
    wire [WW-1:0] wide = WW'(x2 >> LESS) << MORE;
    always_ff @(posedge clk) begin
        x1 <= s0_data;
        x2 <= x1;
        place2 <= place;
        m0_data <= MW'(wide >> (STEP * 32'(place2)));
        m1_data <= DOWN ? EW'(HI - LO) - place2 : place2;
    end
endmodule
