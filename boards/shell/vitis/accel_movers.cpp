// Samples from the card's memory to the core, and results back. `count` is in bytes, whole beats; a beat's bytes lie
// in memory as they do on the stream, the lowest first.
#include <ap_axi_sdata.h>
#include <hls_stream.h>

typedef ap_axiu<8 * IN_BYTES, 0, 0, 0> in_beat;
typedef ap_axiu<8 * OUT_BYTES, 0, 0, 0> out_beat;

extern "C" {

void accel_send(const unsigned char* memory, unsigned count, hls::stream<in_beat>& out) {
#pragma HLS INTERFACE m_axi port = memory bundle = gmem offset = slave
#pragma HLS INTERFACE axis port = out
beats:
    for (unsigned i = 0; i < count; i += IN_BYTES) {
        in_beat beat;
        beat.keep = -1;
        beat.strb = -1;
        beat.last = i + IN_BYTES >= count;
    bytes:
        for (unsigned b = 0; b < IN_BYTES; b++) {
#pragma HLS PIPELINE II = 1
            beat.data.range(8 * b + 7, 8 * b) = memory[i + b];
        }
        out.write(beat);
    }
}

void accel_receive(unsigned char* memory, unsigned count, hls::stream<out_beat>& in) {
#pragma HLS INTERFACE m_axi port = memory bundle = gmem offset = slave
#pragma HLS INTERFACE axis port = in
beats:
    for (unsigned i = 0; i < count; i += OUT_BYTES) {
        out_beat beat = in.read();
    bytes:
        for (unsigned b = 0; b < OUT_BYTES; b++) {
#pragma HLS PIPELINE II = 1
            memory[i + b] = beat.data.range(8 * b + 7, 8 * b);
        }
    }
}
}
