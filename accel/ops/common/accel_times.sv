// y = x * MULTIPLIER for each of LANES lanes, in hard multipliers. Free-running stage, latency 3: two registers in front
// of the product and one behind it, where the additions of an adder graph have theirs. With TABLES in look-up tables.
module accel_times #(
    parameter int LANES = 1,
    parameter int XW = 16,
    parameter bit X_SIGNED = 1'b1,
    parameter longint MULTIPLIER = 64'sd3,
    parameter int MW = 2,
    parameter bit TABLES = 1'b0,
    parameter int YW = 18
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
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[2:1], s_valid};
        last  <= {last[2:1], s_last};
    end
    assign m_valid = valid[3];
    assign m_last  = last[3];
    for (genvar l = 0; l < LANES; l++) begin : lane
        logic signed [XW:0] x1;
        always_ff @(posedge clk) x1 <= {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
        if (TABLES) begin : tables
            accel_constant #(.XW(XW + 1), .FACTOR(MULTIPLIER), .YW(YW)) times (.clk, .x(x1), .y(m_data[l*YW+:YW]));
        end else begin : hard
            localparam logic signed [MW:0] M = (MW + 1)'(MULTIPLIER);
            logic signed [XW:0] x2;
            always_ff @(posedge clk) begin
                x2 <= x1;
                m_data[l*YW+:YW] <= YW'((XW + MW + 1)'(x2) * (XW + MW + 1)'(M));
            end
        end
    end
endmodule
