// Behavioural model of an ECP5 block RAM as yosys infers it: 2048 bytes of 9 bits, two ports, rising clock edges, no
// output registers, synchronous reset. Latency 1. Ports of 18 and 36 bits have a write enable per byte on the low
// address pins. A 36-bit port writes through A and reads through B: low half on DIA and DOA, high half on DIB and DOB.
// The chip promises nothing when one port reads what the other writes in the same cycle: such reads give inverted
// bits here, so that a netlist whose results depend on them is found out.
module DP16KD #(
    parameter int DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED",
    parameter logic [319:0] INITVAL_00 = '0, INITVAL_01 = '0, INITVAL_02 = '0, INITVAL_03 = '0,
    parameter logic [319:0] INITVAL_04 = '0, INITVAL_05 = '0, INITVAL_06 = '0, INITVAL_07 = '0,
    parameter logic [319:0] INITVAL_08 = '0, INITVAL_09 = '0, INITVAL_0A = '0, INITVAL_0B = '0,
    parameter logic [319:0] INITVAL_0C = '0, INITVAL_0D = '0, INITVAL_0E = '0, INITVAL_0F = '0,
    parameter logic [319:0] INITVAL_10 = '0, INITVAL_11 = '0, INITVAL_12 = '0, INITVAL_13 = '0,
    parameter logic [319:0] INITVAL_14 = '0, INITVAL_15 = '0, INITVAL_16 = '0, INITVAL_17 = '0,
    parameter logic [319:0] INITVAL_18 = '0, INITVAL_19 = '0, INITVAL_1A = '0, INITVAL_1B = '0,
    parameter logic [319:0] INITVAL_1C = '0, INITVAL_1D = '0, INITVAL_1E = '0, INITVAL_1F = '0,
    parameter logic [319:0] INITVAL_20 = '0, INITVAL_21 = '0, INITVAL_22 = '0, INITVAL_23 = '0,
    parameter logic [319:0] INITVAL_24 = '0, INITVAL_25 = '0, INITVAL_26 = '0, INITVAL_27 = '0,
    parameter logic [319:0] INITVAL_28 = '0, INITVAL_29 = '0, INITVAL_2A = '0, INITVAL_2B = '0,
    parameter logic [319:0] INITVAL_2C = '0, INITVAL_2D = '0, INITVAL_2E = '0, INITVAL_2F = '0,
    parameter logic [319:0] INITVAL_30 = '0, INITVAL_31 = '0, INITVAL_32 = '0, INITVAL_33 = '0,
    parameter logic [319:0] INITVAL_34 = '0, INITVAL_35 = '0, INITVAL_36 = '0, INITVAL_37 = '0,
    parameter logic [319:0] INITVAL_38 = '0, INITVAL_39 = '0, INITVAL_3A = '0, INITVAL_3B = '0,
    parameter logic [319:0] INITVAL_3C = '0, INITVAL_3D = '0, INITVAL_3E = '0, INITVAL_3F = '0
) (
    input  logic DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    input  logic ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input  logic CLKA, CEA, OCEA, WEA, RSTA, CSA0, CSA1, CSA2,
    output logic DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    input  logic DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    input  logic ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input  logic CLKB, CEB, OCEB, WEB, RSTB, CSB0, CSB1, CSB2,
    output logic DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    localparam logic [64*320-1:0] INIT = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
        INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
        INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
        INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
        INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
        INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
        INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
    };

    logic [8:0] memory[2048];
    logic [13:0] ada, adb;
    logic [10:0] base_a, base_b;
    logic [3:0] write_a, write_b;
    logic [35:0] d_a, d_b, old_a, old_b, seen_a, seen_b, new_a, new_b, value_a, value_b, q_a, q_b;

    // First byte that a port touches at an address.
    function automatic logic [10:0] base(input int width, input logic [13:0] address);
        return (width == 36) ? {address[13:5], 2'b0} : (width == 18) ? {address[13:4], 1'b0} : address[13:3];
    endfunction

    // Which of four bytes are written.
    function automatic logic [3:0] enables(input int width, input logic [3:0] low);
        return (width == 36) ? low : (width == 18) ? {2'b0, low[1:0]} : 4'b0001;
    endfunction

    // Place of the value in its byte.
    function automatic int shift(input int width, input logic [13:0] address);
        return (width < 9) ? int'(address[2:0]) & ~(width - 1) : 0;
    endfunction

    function automatic logic [35:0] merge(input int width, input logic [13:0] address, input logic [35:0] old, d);
        logic [35:0] mask;
        mask = (width < 36) ? (36'd1 << width) - 36'd1 : '1;
        return (old & ~(mask << shift(width, address))) | ((d & mask) << shift(width, address));
    endfunction

    assign ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    assign adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    assign d_b = {18'b0, DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    assign d_a = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
                  DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    assign base_a = base(DATA_WIDTH_A, ada);
    assign base_b = base(DATA_WIDTH_B, adb);
    assign write_a = WEA ? enables(DATA_WIDTH_A, ada[3:0]) : '0;
    assign write_b = WEB ? enables(DATA_WIDTH_B, adb[3:0]) : '0;

    initial begin
        for (int i = 0; i < 2048; i++) memory[i] = INIT[320*(i/32)+20*(i/2%16)+9*(i%2)+:9];
        q_a = '0;
        q_b = '0;
    end

    always_comb begin
        for (int i = 0; i < 4; i++) begin
            old_a[9*i+:9] = memory[base_a|11'(i)];
            seen_a[9*i+:9] = old_a[9*i+:9];
            for (int k = 0; k < 4; k++)
                if (CEB && write_b[k] && (base_b | 11'(k)) == (base_a | 11'(i))) seen_a[9*i+:9] = ~old_a[9*i+:9];
        end
        new_a = merge(DATA_WIDTH_A, ada, old_a, d_a);
        value_a = seen_a >> shift(DATA_WIDTH_A, ada);
    end

    always_comb begin
        for (int i = 0; i < 4; i++) begin
            old_b[9*i+:9] = memory[base_b|11'(i)];
            seen_b[9*i+:9] = old_b[9*i+:9];
            for (int k = 0; k < 4; k++)
                if (CEA && write_a[k] && (base_a | 11'(k)) == (base_b | 11'(i))) seen_b[9*i+:9] = ~old_b[9*i+:9];
        end
        new_b = merge(DATA_WIDTH_B, adb, old_b, d_b);
        value_b = seen_b >> shift(DATA_WIDTH_B, adb);
    end

    always_ff @(posedge CLKA) begin
        if (CEA) begin
            for (int i = 0; i < 4; i++) if (write_a[i]) memory[base_a|11'(i)] <= new_a[9*i+:9];
            if (!WEA || WRITEMODE_A == "READBEFOREWRITE") q_a <= value_a;
            else if (WRITEMODE_A == "WRITETHROUGH") q_a <= new_a >> shift(DATA_WIDTH_A, ada);
        end
        if (RSTA) q_a <= '0;
    end

    always_ff @(posedge CLKB) begin
        if (CEB) begin
            for (int i = 0; i < 4; i++) if (write_b[i]) memory[base_b|11'(i)] <= new_b[9*i+:9];
            if (!WEB || WRITEMODE_B == "READBEFOREWRITE") q_b <= value_b;
            else if (WRITEMODE_B == "WRITETHROUGH") q_b <= new_b >> shift(DATA_WIDTH_B, adb);
        end
        if (RSTB) q_b <= '0;
    end

    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} =
        (DATA_WIDTH_B == 36) ? q_b[17:0] : q_a[17:0];
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} =
        (DATA_WIDTH_B == 36) ? q_b[35:18] : q_b[17:0];
endmodule
