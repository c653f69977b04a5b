// What block RAMs of ECP5 and Gowin parts have in common: 2048 bytes of 9 bits (of 8 for widths that are no multiple
// of 9), two ports, rising clock edges, no output register, synchronous reset. Latency 1. Ports of more than one byte
// have a write enable per byte on their low address pins. WRITE_MODE: 0 the output keeps still during a write, 1 it
// shows what is written, 2 what was there before.
// The chips promise nothing when one port reads what the other writes in the same cycle: such reads give inverted
// bits here, so that a netlist whose results depend on them is found out.
module BLOCK_RAM #(
    parameter int WIDTH_A = 18,
    parameter int WIDTH_B = 18,
    parameter int WRITE_MODE_A = 0,
    parameter int WRITE_MODE_B = 0,
    parameter logic [2048*9-1:0] INIT = '0  // byte by byte
) (
    input  logic clk_a, ce_a, we_a, rst_a,
    input  logic [13:0] address_a,
    input  logic [35:0] d_a,
    output logic [35:0] q_a,
    input  logic clk_b, ce_b, we_b, rst_b,
    input  logic [13:0] address_b,
    input  logic [35:0] d_b,
    output logic [35:0] q_b
);
    logic [8:0] memory[2048];
    logic [10:0] base_a, base_b;
    logic [3:0] write_a, write_b;
    logic [35:0] old_a, old_b, seen_a, seen_b, new_a, new_b, mask_a, mask_b;

    // Bits of a byte that a width uses.
    function automatic int bits(input int width);
        return (width % 9 == 0) ? 9 : 8;
    endfunction

    // First byte that a port touches.
    function automatic logic [10:0] base(input int width, input logic [13:0] address);
        return (width >= 32) ? {address[13:5], 2'b0} : (width >= 16) ? {address[13:4], 1'b0} : address[13:3];
    endfunction

    // Which of four bytes are written.
    function automatic logic [3:0] enables(input int width, input logic [3:0] low);
        return (width >= 32) ? low : (width >= 16) ? {2'b0, low[1:0]} : 4'b0001;
    endfunction

    // Four bytes of 9 bits → the port's bits.
    function automatic logic [35:0] read(input int width, input logic [13:0] address, input logic [35:0] bytes);
        logic [35:0] joined;
        joined = '0;
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < bits(width); k++) joined[bits(width)*i+k] = bytes[9*i+k];
        return (width < 8) ? joined >> (int'(address[2:0]) & ~(width - 1)) : joined;
    endfunction

    // Four bytes of 9 bits with the port's bits written into them.
    function automatic logic [35:0] merge(
        input int width, input logic [13:0] address, input logic [35:0] bytes, input logic [35:0] d
    );
        logic [35:0] merged, mask;
        merged = bytes;
        if (width < 8) begin
            mask = ((36'd1 << width) - 36'd1) << (int'(address[2:0]) & ~(width - 1));
            merged = (bytes & ~mask) | ((d << (int'(address[2:0]) & ~(width - 1))) & mask);
        end else
            for (int i = 0; i < 4; i++)
                for (int k = 0; k < bits(width); k++) merged[9*i+k] = d[bits(width)*i+k];
        return merged;
    endfunction

    assign base_a = base(WIDTH_A, address_a);
    assign base_b = base(WIDTH_B, address_b);
    assign write_a = (ce_a && we_a) ? enables(WIDTH_A, address_a[3:0]) : '0;
    assign write_b = (ce_b && we_b) ? enables(WIDTH_B, address_b[3:0]) : '0;

    always_comb begin
        for (int i = 0; i < 4; i++) begin
            old_a[9*i+:9] = memory[base_a|11'(i)];
            old_b[9*i+:9] = memory[base_b|11'(i)];
        end
        mask_a = merge(WIDTH_A, address_a, '0, '1);
        mask_b = merge(WIDTH_B, address_b, '0, '1);
        seen_a = old_a;
        seen_b = old_b;
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 4; k++)
                if ((base_a | 11'(i)) == (base_b | 11'(k))) begin
                    if (write_b[k]) seen_a[9*i+:9] = old_a[9*i+:9] ^ mask_b[9*k+:9];
                    if (write_a[i]) seen_b[9*k+:9] = old_b[9*k+:9] ^ mask_a[9*i+:9];
                end
        new_a = merge(WIDTH_A, address_a, old_a, d_a);
        new_b = merge(WIDTH_B, address_b, old_b, d_b);
    end

    initial begin
        for (int i = 0; i < 2048; i++) memory[i] = INIT[9*i+:9];
        q_a = '0;
        q_b = '0;
    end

    always_ff @(posedge clk_a) begin
        for (int i = 0; i < 4; i++) if (write_a[i]) memory[base_a|11'(i)] <= new_a[9*i+:9];
        if (rst_a) q_a <= '0;
        else if (ce_a && (!we_a || WRITE_MODE_A == 2)) q_a <= read(WIDTH_A, address_a, seen_a);
        else if (ce_a && WRITE_MODE_A == 1) q_a <= read(WIDTH_A, address_a, new_a);
    end

    always_ff @(posedge clk_b) begin
        for (int i = 0; i < 4; i++) if (write_b[i]) memory[base_b|11'(i)] <= new_b[9*i+:9];
        if (rst_b) q_b <= '0;
        else if (ce_b && (!we_b || WRITE_MODE_B == 2)) q_b <= read(WIDTH_B, address_b, seen_b);
        else if (ce_b && WRITE_MODE_B == 1) q_b <= read(WIDTH_B, address_b, new_b);
    end
endmodule
