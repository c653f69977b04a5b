// y = x * m for each of LANES lanes, m of its channel from a table of GROUPS words; GROUPS = channels / LANES.
// Free-running stage, latency 4 (two of the table); the group counter follows valid beats and restarts on last.
//
// DIGITS = 0: hard multipliers, m has MW bits. DIGITS > 0: look-up tables (accel_digits), the table holds the fields of
// m, which are the base-4 digits of m + sum 4^k, the lowest MW of their bits.
module accel_times_table #(
    parameter int LANES = 1,
    parameter int XW = 16,
    parameter bit X_SIGNED = 1'b1,
    parameter int GROUPS = 1,
    parameter int DIGITS = 0,
    parameter int MW = 8,
    parameter int YW = 24,
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
    logic [4:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[3:1], s_valid};
        last  <= {last[3:1], s_last};
    end
    assign m_valid = valid[4];
    assign m_last  = last[4];

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
        logic [YW-1:0] product;
        if (DIGITS == 0) begin : hard
            logic signed [XW:0] x3;
            logic signed [MW:0] m3;
            always_ff @(posedge clk) begin
                x3 <= x;
                m3 <= {1'b0, m[l*MW+:MW]};
                product <= YW'((XW + MW + 1)'(x3) * (XW + MW + 1)'(m3));
            end
        end else begin : tables
            accel_digits #(.XW(XW + 1), .DIGITS(DIGITS), .YW(YW))
                digits (.clk, .x, .fields((2 * DIGITS)'(m[l*MW+:MW])), .y(product));
        end
        assign m_data[l*YW+:YW] = product;
    end
endmodule
