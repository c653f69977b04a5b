// Gowin block RAM, a write port A and a read port B, bytes of 9 bits, on BLOCK_RAM, as yosys infers it: no output register,
// synchronous reset, never deselected. Latency 1.
module SDPX9B #(
    parameter int BIT_WIDTH_0 = 36,
    parameter int BIT_WIDTH_1 = 36,
    parameter logic READ_MODE = 1'b0,
    parameter logic [2:0] BLK_SEL_0 = 3'b000,
    parameter logic [2:0] BLK_SEL_1 = 3'b000,
    parameter RESET_MODE = "SYNC",
    parameter logic [287:0] INIT_RAM_00 = '0, INIT_RAM_01 = '0, INIT_RAM_02 = '0, INIT_RAM_03 = '0,
    parameter logic [287:0] INIT_RAM_04 = '0, INIT_RAM_05 = '0, INIT_RAM_06 = '0, INIT_RAM_07 = '0,
    parameter logic [287:0] INIT_RAM_08 = '0, INIT_RAM_09 = '0, INIT_RAM_0A = '0, INIT_RAM_0B = '0,
    parameter logic [287:0] INIT_RAM_0C = '0, INIT_RAM_0D = '0, INIT_RAM_0E = '0, INIT_RAM_0F = '0,
    parameter logic [287:0] INIT_RAM_10 = '0, INIT_RAM_11 = '0, INIT_RAM_12 = '0, INIT_RAM_13 = '0,
    parameter logic [287:0] INIT_RAM_14 = '0, INIT_RAM_15 = '0, INIT_RAM_16 = '0, INIT_RAM_17 = '0,
    parameter logic [287:0] INIT_RAM_18 = '0, INIT_RAM_19 = '0, INIT_RAM_1A = '0, INIT_RAM_1B = '0,
    parameter logic [287:0] INIT_RAM_1C = '0, INIT_RAM_1D = '0, INIT_RAM_1E = '0, INIT_RAM_1F = '0,
    parameter logic [287:0] INIT_RAM_20 = '0, INIT_RAM_21 = '0, INIT_RAM_22 = '0, INIT_RAM_23 = '0,
    parameter logic [287:0] INIT_RAM_24 = '0, INIT_RAM_25 = '0, INIT_RAM_26 = '0, INIT_RAM_27 = '0,
    parameter logic [287:0] INIT_RAM_28 = '0, INIT_RAM_29 = '0, INIT_RAM_2A = '0, INIT_RAM_2B = '0,
    parameter logic [287:0] INIT_RAM_2C = '0, INIT_RAM_2D = '0, INIT_RAM_2E = '0, INIT_RAM_2F = '0,
    parameter logic [287:0] INIT_RAM_30 = '0, INIT_RAM_31 = '0, INIT_RAM_32 = '0, INIT_RAM_33 = '0,
    parameter logic [287:0] INIT_RAM_34 = '0, INIT_RAM_35 = '0, INIT_RAM_36 = '0, INIT_RAM_37 = '0,
    parameter logic [287:0] INIT_RAM_38 = '0, INIT_RAM_39 = '0, INIT_RAM_3A = '0, INIT_RAM_3B = '0,
    parameter logic [287:0] INIT_RAM_3C = '0, INIT_RAM_3D = '0, INIT_RAM_3E = '0, INIT_RAM_3F = '0
) (
    input  logic CLKA, CEA, RESETA, CLKB, CEB, RESETB, OCE,
    input  logic [2:0] BLKSELA, BLKSELB,
    input  logic [13:0] ADA, ADB,
    input  logic [35:0] DI,
    output logic [35:0] DO
);
    localparam logic [2048*9-1:0] INIT = {
        INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
        INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
        INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
        INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
        INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
        INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
        INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
        INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00
    };

    logic [35:0] q_b;

    assign DO = q_b[35:0];

    BLOCK_RAM #(
        .WIDTH_A(BIT_WIDTH_0),
        .WIDTH_B(BIT_WIDTH_1),
        .WRITE_MODE_A(0),
        .WRITE_MODE_B(0),
        .INIT(INIT)
    ) u_ram (
        .clk_a(CLKA),
        .ce_a(CEA),
        .we_a(1'b1),
        .rst_a(RESETA),
        .address_a(ADA),
        .d_a(36'(DI)),
        .q_a(),
        .clk_b(CLKB),
        .ce_b(CEB),
        .we_b(1'b0),
        .rst_b(RESETB),
        .address_b(ADB),
        .d_b(36'b0),
        .q_b(q_b)
    );
endmodule
