// Window: tokens GIVE to GIVE_END - 1 of a sequence of STEPS tokens, which is READ tokens of constants, the input's
// tokens, and again constants. LANES channels per beat, GROUPS beats and cycles per token of the sequence.
// Constants in front wait for the first beat of the input. Latency 3, without constants 1.
module accel_window #(
    parameter int LANES = 1,
    parameter int GROUPS = 8,
    parameter int STEPS = 9,
    parameter int READ = 1,
    parameter int READ_END = 9,
    parameter int GIVE = 0,
    parameter int GIVE_END = 9,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int CONSTANTS = 8,  // words of the memory
    parameter int FW = 8,
    parameter int YW = 8,
    parameter bit BLOCK = 1'b0,
    parameter FILL_FILE = "fill.hex"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic                m0_last
);
    localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1, TW = $clog2(STEPS + 1);
    logic [GW-1:0] group;
    logic [TW-1:0] token;
    wire group_last = GROUPS == 1 || group == GW'(GROUPS - 1);
    wire reading = (READ == 0 || token >= TW'(READ)) && (READ_END == STEPS || token < TW'(READ_END));
    wire giving = (GIVE == 0 || token >= TW'(GIVE)) && (GIVE_END == STEPS || token < TW'(GIVE_END));
    wire waiting = READ_END == STEPS || token < TW'(READ_END);  // for the head beat of the input
    wire fire = (!waiting || s0_valid) && (!giving || m0_room);
    assign s0_ready = reading && (!giving || m0_room);
    assign m0_take = fire && giving;
    logic unused_last;
    assign unused_last = s0_last;
    always_ff @(posedge clk)
        if (rst) begin
            group <= '0;
            token <= '0;
        end else if (fire) begin
            group <= group_last ? '0 : group + 1'b1;
            if (group_last) token <= token == TW'(STEPS - 1) ? '0 : token + 1'b1;
        end

    wire last_given = group_last && token == TW'(GIVE_END - 1);
    if (CONSTANTS == 0) begin : cut
        always_ff @(posedge clk) begin
            m0_valid <= m0_take && !rst;
            m0_last  <= last_given;
        end
        for (genvar l = 0; l < LANES; l++) begin : lane
            always_ff @(posedge clk)
                m0_data[l*YW+:YW] <= YW'($signed({X_SIGNED & s0_data[l*XW+XW-1], s0_data[l*XW+:XW]}));
        end
    end else begin : filled
        localparam int AW = CONSTANTS > 1 ? $clog2(CONSTANTS) : 1;
        logic [3:1] valid, last;
        logic [2:1] outside;
        logic [AW-1:0] address;
        logic [LANES*XW-1:0] x1, x2;
        always_ff @(posedge clk) begin
            valid   <= rst ? '0 : {valid[2:1], m0_take};
            last    <= {last[2:1], last_given};
            outside <= {outside[1], !reading};
            x1 <= s0_data;
            x2 <= x1;
            if (rst) address <= '0;
            else if (fire && !reading) address <= address == AW'(CONSTANTS - 1) ? '0 : address + 1'b1;
        end
        assign m0_valid = valid[3];
        assign m0_last  = last[3];
        logic [LANES*FW-1:0] constants;
        accel_rom #(.WIDTH(LANES*FW), .DEPTH(CONSTANTS), .BLOCK(BLOCK), .FILE(FILL_FILE))
            fill (.clk, .address, .data(constants));
        for (genvar l = 0; l < LANES; l++) begin : lane
            wire signed [YW-1:0] x = YW'($signed({X_SIGNED & x2[l*XW+XW-1], x2[l*XW+:XW]}));
            wire signed [FW-1:0] c = constants[l*FW+:FW];
            always_ff @(posedge clk) m0_data[l*YW+:YW] <= outside[2] ? YW'(c) : x;
        end
    end
endmodule
