// Pipelined division: q = floor(2^NUMERATOR / max(x, 2^FLOOR)), restoring, a register behind every STEPS bits of q.
// The quotient fits QBITS bits by construction, so the first remainder is 2^(NUMERATOR - QBITS) < x.
// One division per cycle, latency 1 + ceil(QBITS / STEPS).
module accel_divide_pipe #(
    parameter int XW = 16,
    parameter int QBITS = 13,
    parameter int NUMERATOR = 24,
    parameter int STEPS = 1,
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
    localparam int LATENCY = 1 + (QBITS + STEPS - 1) / STEPS;
    localparam int DW = XW > FLOOR ? XW : FLOOR + 1;  // divisor, and the remainders below it
    assign s0_ready = m0_room;
    assign m0_take  = s0_valid && m0_room;
    logic [LATENCY:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : LATENCY'({valid, m0_take});
        last  <= LATENCY'({last, s0_last});
    end
    assign m0_valid = valid[LATENCY];
    assign m0_last  = last[LATENCY];

    // what step k leaves; the first ones are constants or the clamped input
    logic [DW-1:0] remainder[QBITS+1]  /* verilator split_var */;
    logic [DW-1:0] divisor[QBITS+1]  /* verilator split_var */;
    logic [QBITS-1:0] quotient[QBITS+1]  /* verilator split_var */;
    localparam logic [DW-1:0] LEAST = DW'(1) << FLOOR;
    assign remainder[0] = DW'(1) << (NUMERATOR - QBITS);
    assign quotient[0]  = '0;
    always_ff @(posedge clk) if (m0_take) divisor[0] <= DW'(s0_data) < LEAST ? LEAST : DW'(s0_data);

    for (genvar k = 1; k <= QBITS; k++) begin : step
        wire [DW:0] doubled = {remainder[k-1], 1'b0};
        wire [DW:0] difference = doubled - {1'b0, divisor[k-1]};  // below the divisor, so the highest bit is its sign
        wire fits = !difference[DW];
        wire [DW-1:0] rest = fits ? difference[DW-1:0] : doubled[DW-1:0];
        wire [QBITS-1:0] found = QBITS'({quotient[k-1], fits});
        if (k % STEPS == 0 || k == QBITS) begin : store
            always_ff @(posedge clk) begin
                remainder[k] <= rest;
                divisor[k]   <= divisor[k-1];
                quotient[k]  <= found;
            end
        end else begin : pass
            assign remainder[k] = rest;
            assign divisor[k]   = divisor[k-1];
            assign quotient[k]  = found;
        end
    end
    assign m0_data = quotient[QBITS];
    logic unused;
    assign unused = ^{remainder[QBITS], divisor[QBITS]};
endmodule
