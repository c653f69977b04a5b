// accel_pack into accel_unpack, for every sequence of beats and every reader of bytes and of beats.
//
// A model counts beats in, bytes between and beats out. The beat number `watched` (any) becomes the bytes that the
// protocol wants of it, in their order, and comes out as it went in; so all do.
module pack_check #(
    parameter int LANES = 2,
    parameter int WIDTH = 10,
    parameter bit SIGNED = 1,
    parameter int BYTES = 2
) (
    input logic                   clk,
    input logic                   s_valid,
    input logic [LANES*WIDTH-1:0] s_data,
    input logic                   s_last,
    input logic                   open,
    input logic                   m_ready
);
    localparam int TOTAL = LANES * BYTES;
    logic rst, s_ready, byte_valid, byte_ready, byte_last, m_valid, m_last;
    logic [7:0] byte_data;
    logic [LANES*WIDTH-1:0] m_data;

    accel_pack #(.LANES(LANES), .WIDTH(WIDTH), .SIGNED(SIGNED), .BYTES(BYTES)) u_pack (
        .clk, .rst, .s_valid, .s_ready, .s_data, .s_last,
        .m_valid(byte_valid), .m_ready(byte_ready && open), .m_data(byte_data), .m_last(byte_last)
    );
    accel_unpack #(.LANES(LANES), .WIDTH(WIDTH), .BYTES(BYTES)) u_unpack (
        .clk, .rst, .s_valid(byte_valid && open), .s_ready(byte_ready), .s_data(byte_data), .s_last(byte_last),
        .m_valid, .m_ready, .m_data, .m_last
    );

    (* anyconst *) logic [2:0] watched;
    logic [2:0] taken, sent, given;  // beats in, between, out
    logic [3:0] at;  // bytes of the beat between
    logic [LANES*WIDTH-1:0] data, held_data;
    logic last, held, held_last;
    wire [3:0] lane = at / 4'(BYTES), place = at % 4'(BYTES);
    wire [WIDTH-1:0] element = data[lane*WIDTH+:WIDTH];
    wire [8*BYTES-1:0] wide = {{8 * BYTES - WIDTH{SIGNED && element[WIDTH-1]}}, element};


    initial {rst, taken, sent, given, at, held} = {1'b1, 14'd0};

    always_ff @(posedge clk) begin
        rst <= 1'b0;
        if (s_valid && s_ready && !rst) begin
            taken <= taken + 1'b1;
            if (taken == watched) {data, last} <= {s_data, s_last};
        end
        if (byte_valid && byte_ready && open && !rst) begin
            at <= (at == 4'(TOTAL - 1)) ? '0 : at + 1'b1;
            if (at == 4'(TOTAL - 1)) sent <= sent + 1'b1;
        end
        given <= given + 3'(m_valid && m_ready && !rst);
        held <= m_valid && !m_ready && !rst;
        {held_data, held_last} <= {m_data, m_last};
    end

    always_comb
        if (!rst) begin
            assert (!byte_valid || taken != sent);
            assert (!byte_valid || sent != watched || byte_data == wide[8*place+:8]);
            assert (!byte_valid || sent != watched || byte_last == (last && at == 4'(TOTAL - 1)));
            assert (byte_valid || taken == sent);  // what was taken is there at once
            assert (m_valid == (sent != given));
            assert (!m_valid || given != watched || (m_data == data && m_last == last));
            assert (!held || (m_valid && {m_data, m_last} == {held_data, held_last}));
        end
endmodule
