// Lookup: y = table[x - BASE] for each of LANES lanes. Free-running stage, latency 3 (subtract, two of the memory).
module accel_lookup #(
    parameter int LANES = 1,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int BASE = -128,
    parameter int DEPTH = 256,
    parameter int YW = 8,
    parameter bit BLOCK = 1'b0,
    parameter TABLE_FILE = "table.hex"
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
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int DW = (AW > XW ? AW : XW) + 2;
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[2:1], s_valid};
        last  <= {last[2:1], s_last};
    end
    assign m_valid = valid[3];
    assign m_last  = last[3];
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
        logic [AW-1:0] address;
        always_ff @(posedge clk) address <= AW'(DW'(x) - DW'(BASE));
        accel_rom #(.WIDTH(YW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(TABLE_FILE))
            values (.clk, .address, .data(m_data[l*YW+:YW]));
    end
endmodule
