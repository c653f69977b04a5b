// Serial square root: r = floor(sqrt(x << SHIFT)), one bit of the root per cycle (digit by digit).
// SHIFT is even. One root every STEPS + 1 cycles, result STEPS + 1 cycles after acceptance; STEPS = RBITS.
module accel_isqrt #(
    parameter int XW = 24,
    parameter int SHIFT = 16,
    parameter int RBITS = 20
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
    output logic [RBITS-1:0] m0_data,
    output logic             m0_last
);
    localparam int CW = $clog2(RBITS + 1);
    localparam int VW = 2 * RBITS > XW + SHIFT ? 2 * RBITS : XW + SHIFT;

    logic             busy;
    logic [CW-1:0]    step;
    logic [2*RBITS-1:0] pending;    // bits of the operand not yet used, two leave at the top every cycle
    logic [RBITS-1:0] remainder;    // at most twice the root found so far
    logic [RBITS-1:0] root;

    assign s0_ready = !busy && m0_room;
    assign m0_take  = s0_valid && s0_ready;

    wire [RBITS+1:0] candidate = {remainder, pending[2*RBITS-1-:2]};
    wire [RBITS+1:0] trial = {root, 2'b01};
    wire fits = candidate >= trial;
    wire [VW-1:0] operand = VW'(s0_data) << SHIFT;

    always_ff @(posedge clk) begin
        m0_valid <= busy && step == CW'(1);
        if (m0_take) begin
            pending <= operand[2*RBITS-1:0];
            remainder <= '0;
            root <= '0;
            step <= CW'(RBITS);
            m0_last <= s0_last;
        end else if (busy) begin
            pending <= pending << 2;
            remainder <= RBITS'(fits ? candidate - trial : candidate);
            root <= {root[RBITS-2:0], fits};
            step <= step - 1'b1;
        end
        if (rst) begin
            busy <= 1'b0;
            m0_valid <= 1'b0;
        end else if (m0_take) busy <= 1'b1;
        else if (step == CW'(1)) busy <= 1'b0;
    end
    assign m0_data = root;
endmodule
