// Rotary: y = cos * x, and with TURNS + sin * (the other lane of the pair), LANES channels per beat. A token has WORDS
// beats of constants, cosines before sines, which its heads use one after the other: WORDS * HEADS beats per token.
// Latency 3 (two of the memory, products), with TURNS 4. DIGITS > 0: products in look-up tables, a cycle later; the memory
// holds the fields of as many base-4 digits, the lowest TW of their bits.
module accel_rotary #(
    parameter int LANES = 2,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter bit TURNS = 1'b1,
    parameter int WORDS = 1,
    parameter int HEADS = 1,
    parameter int TOKENS = 8,
    parameter int DIGITS = 0,
    parameter int TW = 8,
    parameter int YW = 17,
    parameter bit BLOCK = 1'b0,
    parameter TABLE_FILE = "table.hex"
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
    localparam int DEPTH = WORDS * TOKENS, COLUMNS = TURNS ? 2 * LANES : LANES, LATENCY = 3 + TURNS + (DIGITS > 0 ? 1 : 0);
    localparam int WW = WORDS > 1 ? $clog2(WORDS) : 1, HW = HEADS > 1 ? $clog2(HEADS) : 1;
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    assign m0_take  = s0_valid && m0_room;
    assign s0_ready = m0_room;
    logic [WW-1:0] word;
    logic [HW-1:0] head;
    logic [AW-1:0] address;
    wire word_last = WORDS == 1 || word == WW'(WORDS - 1);
    wire head_last = HEADS == 1 || head == HW'(HEADS - 1);
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        if (rst) {word, head, address} <= '0;
        else if (m0_take) begin
            word <= word_last ? '0 : word + 1'b1;
            if (word_last) head <= head_last ? '0 : head + 1'b1;
            if (s0_last) address <= '0;
            else if (word_last && !head_last) address <= address - AW'(WORDS - 1);
            else address <= address + 1'b1;
        end
        valid <= rst ? '0 : {valid[LATENCY-1:1], m0_take};
        last  <= {last[LATENCY-1:1], s0_last};
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];

    logic [COLUMNS*TW-1:0] constants;
    accel_rom #(.WIDTH(COLUMNS*TW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(TABLE_FILE))
        values (.clk, .address, .data(constants));
    logic [LANES*XW-1:0] x1, x2;
    always_ff @(posedge clk) begin
        x1 <= s0_data;
        x2 <= x1;
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        // the same lane, and with TURNS the other one of the pair
        logic signed [YW-1:0] products[TURNS + 1];
        for (genvar k = 0; k < (TURNS ? 2 : 1); k++) begin : product
            localparam int P = k == 0 ? l : l ^ 1;
            wire signed [XW:0] x = {X_SIGNED & x2[P*XW+XW-1], x2[P*XW+:XW]};
            wire [TW-1:0] constant = constants[(k*LANES+l)*TW+:TW];
            if (DIGITS == 0) begin : hard
                always_ff @(posedge clk) products[k] <= YW'((XW + 1 + TW)'(x) * (XW + 1 + TW)'($signed(constant)));
            end else begin : tables
                accel_digits #(.XW(XW + 1), .DIGITS(DIGITS), .YW(YW))
                    digits (.clk, .x, .fields((2 * DIGITS)'(constant)), .y(products[k]));
            end
        end
        if (TURNS) begin : turned
            always_ff @(posedge clk) m0_data[l*YW+:YW] <= products[0] + products[1];
        end else begin : alone
            assign m0_data[l*YW+:YW] = products[0];
        end
    end
endmodule
