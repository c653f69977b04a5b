// What boards/shell generates, for frames of 15 bytes and a time-out of 6 cycles; and a checksum that solvers like.
package accel_board_pkg;
    localparam int PAYLOAD_IN = 2;
    localparam int PAYLOAD_OUT = 2;
    localparam int TIMEOUT = 6;
    localparam logic [7:0] MAGIC_0 = 8'hac;
    localparam logic [7:0] MAGIC_1 = 8'hce;
    localparam logic [7:0] SAMPLE = 8'h01;
    localparam logic [7:0] IDENTIFY = 8'h02;
    localparam logic [7:0] RESULT = 8'h81;
    localparam logic [7:0] IDENTITY = 8'h82;
    localparam logic [7:0] ERROR = 8'hff;
    localparam logic [7:0] REASON_CRC = 8'd1;
    localparam logic [7:0] REASON_LENGTH = 8'd2;
    localparam logic [7:0] REASON_TYPE = 8'd3;
    localparam logic [7:0] REASON_TRUNCATED = 8'd4;
    localparam logic [31:0] CRC_AFTER_MAGIC = 32'h12345678;
    localparam logic [31:0] CRC_RESIDUE = 32'h123456e3;
    localparam logic [63:0] DESIGN_ID = 64'h8877665544332211;

    function automatic logic [31:0] mix(input logic [31:0] crc, input logic [7:0] data);
        mix = {crc[31:8], crc[6:0], crc[7]} ^ {24'd0, data};
    endfunction
endpackage
