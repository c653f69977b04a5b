// Position: y = MULTIPLIER * x + table[beat of the sequence], LANES channels per beat.
// Free-running stage, latency 3; the beat counter restarts after last. With TABLES the product takes no hard multiplier.
module accel_position #(
    parameter int LANES = 1,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter longint MULTIPLIER = 64'sd1,
    parameter bit TABLES = 1'b0,
    parameter int BEATS = 8,
    parameter int TW = 8,
    parameter int YW = 9,
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
    localparam int AW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [AW-1:0] beat;
    always_ff @(posedge clk)
        if (rst) beat <= '0;
        else if (s_valid) beat <= s_last ? '0 : beat + 1'b1;
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[2:1], s_valid};
        last  <= {last[2:1], s_last};
    end
    assign m_valid = valid[3];
    assign m_last  = last[3];

    logic [LANES*TW-1:0] constants;
    accel_rom #(.WIDTH(LANES*TW), .DEPTH(BEATS), .BLOCK(BLOCK), .FILE(TABLE_FILE))
        values (.clk, .address(beat), .data(constants));
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [TW-1:0] c = constants[l*TW+:TW];
        if (TABLES) begin : tables
            wire signed [XW:0] x = {X_SIGNED & s_data[l*XW+XW-1], s_data[l*XW+:XW]};
            logic [YW-1:0] product;
            accel_constant #(.XW(XW + 1), .FACTOR(MULTIPLIER), .YW(YW)) times (.clk, .x, .y(product));
            always_ff @(posedge clk) m_data[l*YW+:YW] <= product + YW'(c);
        end else begin : hard
            logic [XW-1:0] x1, x2;
            wire signed [YW-1:0] x = YW'($signed({X_SIGNED & x2[XW-1], x2}));
            always_ff @(posedge clk) begin
                x1 <= s_data[l*XW+:XW];
                x2 <= x1;
                m_data[l*YW+:YW] <= x * YW'(MULTIPLIER) + YW'(c);
            end
        end
    end
endmodule
