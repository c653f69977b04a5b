// Embedding: the row of identifier x, GROUPS beats of LANES channels; word (x - BASE) * GROUPS + group of the memory.
// GROUPS cycles per token. Latency 3 (address, two of the memory).
module accel_embedding #(
    parameter int LANES = 1,
    parameter int GROUPS = 8,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b0,
    parameter int BASE = 0,
    parameter int ROWS = 256,
    parameter int YW = 8,
    parameter bit BLOCK = 1'b0,
    parameter TABLE_FILE = "table.hex"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [XW-1:0]       s0_data,
    input  logic                s0_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int DEPTH = ROWS * GROUPS;
    localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1, AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int DW = (AW > XW ? AW : XW) + 2;
    logic [GW-1:0] group;
    wire row_last = GROUPS == 1 || group == GW'(GROUPS - 1);
    assign m0_take  = s0_valid && m0_room;
    assign s0_ready = row_last && m0_room;
    logic [3:1] valid, last;
    always_ff @(posedge clk) begin
        if (rst) group <= '0;
        else if (m0_take) group <= row_last ? '0 : group + 1'b1;
        valid <= rst ? '0 : {valid[2:1], m0_take};
        last  <= {last[2:1], s0_last && row_last};
    end
    assign m0_valid = valid[3];
    assign m0_last  = last[3];

    wire signed [XW:0] x = {X_SIGNED & s0_data[XW-1], s0_data};
    wire [AW-1:0] row = AW'(DW'(x) - DW'(BASE));
    logic [AW-1:0] first, address;
    always_comb begin  // `*` would take a hard multiplier
        first = '0;
        for (int i = 0; i < AW; i++) if (GROUPS[i]) first = first + (row << i);
    end
    always_ff @(posedge clk) address <= first + AW'(group);
    accel_rom #(.WIDTH(LANES*YW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(TABLE_FILE))
        rows (.clk, .address, .data(m0_data));
endmodule
