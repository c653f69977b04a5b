// Pipelined square root: r = floor(sqrt(x << SHIFT)), digit by digit, a register behind every STEPS bits of r.
// SHIFT is even. One root per cycle, latency ceil(RBITS / STEPS).
module accel_isqrt_pipe #(
    parameter int XW = 24,
    parameter int SHIFT = 16,
    parameter int RBITS = 20,
    parameter int STEPS = 1
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
    localparam int LATENCY = (RBITS + STEPS - 1) / STEPS;
    localparam int VW = 2 * RBITS > XW + SHIFT ? 2 * RBITS : XW + SHIFT;
    assign s0_ready = m0_room;
    assign m0_take  = s0_valid && m0_room;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : LATENCY'({valid, m0_take});
        last  <= LATENCY'({last, s0_last});
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];

    // what step k leaves: k bits of the root, a remainder of at most twice the root, the bits of x not yet used
    logic [RBITS:0] remainder[RBITS+1]  /* verilator split_var */;
    logic [RBITS-1:0] root[RBITS+1]  /* verilator split_var */;
    logic [2*RBITS-1:0] pending[RBITS+1]  /* verilator split_var */;
    assign remainder[0] = '0;
    assign root[0]      = '0;
    wire [VW-1:0] operand = VW'(s0_data) << SHIFT;
    assign pending[0] = operand[2*RBITS-1:0];

    for (genvar k = 1; k <= RBITS; k++) begin : step
        wire [k+1:0] candidate = {remainder[k-1][k-1:0], pending[k-1][2*RBITS-1-:2]};
        wire [k+1:0] trial = (k + 2)'({root[k-1], 2'b01});
        wire [k+1:0] difference = candidate - trial;  // below 2^(k + 1), so the highest bit is its sign
        wire fits = !difference[k+1];
        wire [RBITS:0] rest = (RBITS + 1)'(fits ? difference[k:0] : candidate[k:0]);
        wire [RBITS-1:0] found = RBITS'({root[k-1], fits});
        if (k % STEPS == 0 || k == RBITS) begin : store
            always_ff @(posedge clk) begin
                remainder[k] <= rest;
                root[k]      <= found;
                pending[k]   <= pending[k-1] << 2;
            end
        end else begin : pass
            assign remainder[k] = rest;
            assign root[k]      = found;
            assign pending[k]   = pending[k-1] << 2;
        end
    end
    assign m0_data = root[RBITS];
    logic unused;
    assign unused = ^{remainder[RBITS], pending[RBITS]};
endmodule
