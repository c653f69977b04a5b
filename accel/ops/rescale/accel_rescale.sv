// Rescale, last stage: y = clip(round(x / 2^SHIFT), LO, HI) for each of LANES lanes. Free-running, latency 2.
module accel_rescale #(
    parameter int LANES = 1,
    parameter int XW = 20,
    parameter bit X_SIGNED = 1'b1,
    parameter int SHIFT = 8,
    parameter int MODE = 0,
    parameter longint LO = -64'sd128,
    parameter longint HI = 64'sd127,
    parameter int YW = 8
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
    logic [2:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[1], s_valid};
        last  <= {last[1], s_last};
    end
    assign m_valid = valid[2];
    assign m_last  = last[2];
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
        accel_round #(.XW(XW+1), .SHIFT(SHIFT), .MODE(MODE), .LO(LO), .HI(HI), .YW(YW))
            round (.clk, .enable({valid[1], s_valid}), .x, .y(m_data[l*YW+:YW]));
    end
endmodule
