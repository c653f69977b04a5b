// Serial division: q = floor(2^NUMERATOR / max(x, 2^FLOOR)), restoring, BPC quotient bits per cycle.
// The quotient fits QBITS bits by construction, so the first remainder is 2^(NUMERATOR - QBITS) < x.
// One division every STEPS + 1 cycles, result STEPS + 1 cycles after acceptance; STEPS = ceil(QBITS / BPC).
module accel_divide #(
    parameter int XW = 16,
    parameter int QBITS = 13,
    parameter int NUMERATOR = 24,
    parameter int BPC = 1,
    parameter int FLOOR = 0
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             s0_valid,
    output logic             s0_ready,
    input  logic [XW-1:0]    s0_data,
    input  logic             s0_last,
    input  logic             m0_room,
    output logic             m0_take,
    output logic             m0_valid,
    output logic [QBITS-1:0] m0_data,
    output logic             m0_last
);
    localparam int STEPS = (QBITS + BPC - 1) / BPC;
    localparam int CW = $clog2(STEPS + 1);
    localparam int START = NUMERATOR - STEPS * BPC;  // bits of the first remainder (a power of two, or 0)
    localparam int RW = (XW > START + 1 ? XW : START + 1) + 1;

    logic          busy;
    logic [CW-1:0] step;
    logic [RW-1:0] remainder, divisor;
    logic [STEPS*BPC-1:0] quotient;

    assign s0_ready = !busy && m0_room;
    assign m0_take  = s0_valid && s0_ready;

    // one cycle: shift in a zero, subtract where possible, BPC times
    logic [RW-1:0] next_remainder;
    logic [STEPS*BPC-1:0] next_quotient;
    always_comb begin
        next_remainder = remainder;
        next_quotient = quotient;
        for (int i = 0; i < BPC; i++) begin
            next_remainder = next_remainder << 1;
            next_quotient = next_quotient << 1;
            if (next_remainder >= divisor) begin
                next_remainder = next_remainder - divisor;
                next_quotient[0] = 1'b1;
            end
        end
    end

    wire [RW-1:0] least = RW'(1) << FLOOR;
    wire [RW-1:0] x = RW'(s0_data);
    always_ff @(posedge clk) begin
        m0_valid <= busy && step == CW'(1);
        if (m0_take) begin
            remainder <= START >= 0 ? RW'(1) << (START >= 0 ? START : 0) : '0;
            divisor <= x < least ? least : x;
            quotient <= '0;
            step <= CW'(STEPS);
            m0_last <= s0_last;
        end else if (busy) begin
            remainder <= next_remainder;
            quotient <= next_quotient;
            step <= step - 1'b1;
        end
        if (rst) begin
            busy <= 1'b0;
            m0_valid <= 1'b0;
        end else if (m0_take) busy <= 1'b1;
        else if (step == CW'(1)) busy <= 1'b0;
    end
    assign m0_data = quotient[QBITS-1:0];
endmodule
