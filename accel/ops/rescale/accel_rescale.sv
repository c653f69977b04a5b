// Rescale: y = clip(round(x * multiplier / 2^SHIFT), LO, HI) for each of LANES lanes.
// Free-running stage. MULTIPLY 0: no multiplication (latency 2); 1: one constant (3); 2: one constant per channel from
// a table of GROUPS words (5). GROUPS = channels / LANES; the group counter follows valid beats and restarts on last.
module accel_rescale #(
    parameter int LANES = 1,
    parameter int XW = 20,
    parameter bit X_SIGNED = 1'b1,
    parameter int MULTIPLY = 0,
    parameter int MW = 1,
    parameter longint MULTIPLIER = 64'sd1,
    parameter int GROUPS = 1,
    parameter int SHIFT = 8,
    parameter int MODE = 0,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8,
    parameter bit BLOCK = 1'b0,
    parameter MULTIPLIER_FILE = "multiplier.hex"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s_valid,
    input  logic [LANES*XW-1:0] s_data,
    input  logic                s_last,
    output logic                m_valid,
    output logic [LANES*YW-1:0] m_data,
    output logic                m_last
);
    localparam int LATENCY = MULTIPLY == 0 ? 2 : MULTIPLY == 1 ? 3 : 5;
    localparam int PW = MULTIPLY == 0 ? XW + 1 : XW + MW + 1;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[LATENCY-1:1], s_valid};
        last  <= {last[LATENCY-1:1], s_last};
    end
    assign m_valid = valid[LATENCY];
    assign m_last  = last[LATENCY];
    wire [LATENCY:0] go = {valid, s_valid};

    logic signed [PW-1:0] product[LANES];
    if (MULTIPLY == 0) begin : shift_only
        for (genvar l = 0; l < LANES; l++) begin : lane
            assign product[l] = {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
        end
    end else if (MULTIPLY == 1) begin : constant
        localparam logic signed [MW:0] M = (MW + 1)'(MULTIPLIER);
        for (genvar l = 0; l < LANES; l++) begin : lane
            wire signed [XW:0] x = {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
            always_ff @(posedge clk) if (s_valid) product[l] <= PW'(x) * PW'(M);
        end
    end else begin : per_channel
        localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
        logic [GW-1:0] group;
        always_ff @(posedge clk)
            if (rst) group <= '0;
            else if (s_valid) group <= GROUPS == 1 || group == GW'(GROUPS - 1) ? '0 : group + 1'b1;
        logic [LANES*MW-1:0] m;
        accel_rom #(.WIDTH(LANES*MW), .DEPTH(GROUPS), .BLOCK(BLOCK), .FILE(MULTIPLIER_FILE))
            multiplier (.clk, .address(group), .data(m));
        logic [LANES*XW-1:0] x1, x2;
        always_ff @(posedge clk) begin
            x1 <= s_data;
            x2 <= x1;
        end
        for (genvar l = 0; l < LANES; l++) begin : lane
            wire signed [XW:0] x = {X_SIGNED & x2[l*XW+XW-1], x2[l*XW+:XW]};
            wire signed [MW:0] c = {1'b0, m[l*MW+:MW]};
            always_ff @(posedge clk) if (go[2]) product[l] <= PW'(x) * PW'(c);
        end
    end
    for (genvar l = 0; l < LANES; l++) begin : finish
        accel_round #(.XW(PW), .SHIFT(SHIFT), .MODE(MODE), .LO(LO), .HI(HI), .YW(YW))
            round (.clk, .enable({go[LATENCY-1], go[LATENCY-2]}), .x(product[l]), .y(m_data[l*YW+:YW]));
    end
endmodule
