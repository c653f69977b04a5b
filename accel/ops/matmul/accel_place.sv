// Address of a word in the memory of accel_matmul: halves, in them heads, channel groups and key groups. Combinational;
// `*` would take hard multipliers where a factor is no power of two.
module accel_place #(
    parameter int HEADS = 1,
    parameter int CG = 1,  // channel groups
    parameter int KG = 8,  // key groups
    parameter int HW = 1,
    parameter int CW = 1,
    parameter int KW = 3,
    parameter int W = 4
) (
    input  logic          half,
    input  logic [HW-1:0] head,
    input  logic [CW-1:0] channel,
    input  logic [KW-1:0] key,
    output logic [W-1:0]  address
);
    logic [W-1:0] row, group;
    always_comb begin
        row = (half ? W'(HEADS) : '0) + W'(head);
        group = W'(channel);
        for (int i = 0; i < W; i++) if (CG[i]) group = group + (row << i);
        address = W'(key);
        for (int i = 0; i < W; i++) if (KG[i]) address = address + (group << i);
    end
endmodule
