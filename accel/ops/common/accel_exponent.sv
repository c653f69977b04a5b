// The exponent of a vector that comes in beats: max(0, bits of its largest magnitude - (BITS - 1)). The largest magnitude
// has as many bits as all of them or-ed together, so `any` is a beat's magnitudes or-ed. `first` begins a vector.
// Latency 2; the exponent stays until the next beat.
module accel_exponent #(
    parameter int XW = 16,
    parameter int BITS = 8,  // of a mantissa
    parameter int EW = 4
) (
    input  logic          clk,
    input  logic          valid,
    input  logic          first,
    input  logic [XW-1:0] any,
    output logic [EW-1:0] exponent
);
    logic [XW-1:0] all;
    logic [EW-1:0] needed;
    always_comb begin
        needed = '0;
        for (int k = BITS - 1; k < XW; k++) if (all[k]) needed = EW'(k + 2 - BITS);
    end
    always_ff @(posedge clk) begin
        if (valid) all <= (first ? '0 : all) | any;
        exponent <= needed;
    end
endmodule
