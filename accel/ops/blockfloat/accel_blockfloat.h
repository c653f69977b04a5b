#ifndef ACCEL_BLOCKFLOAT_H_
#define ACCEL_BLOCKFLOAT_H_
// Per group of channels, with T = 2^(bits − 1) − 1:
//
//   e = max(0, bit_length(max |x|) − (bits − 1));  y = clip(⌊x / 2^e + 1/2⌋, −T, T) · 2^e
//
// The largest magnitude has as many bits as the magnitudes or-ed together.
//
// accel_blockfloat: two processes work on successive groups, which are handed on in ping-pong arrays. II 1 for a beat of
// `lanes` channels: a group every `beats` cycles plus the hand-over between the processes.
//
// accel_blockfloat_pipelined, for a group in one beat: the same as one pipeline. II 1: a group per cycle.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X>
void accel_blockfloat_exponent(X &x, int r, typename CONFIG::in0_t group[CONFIG::beats * CONFIG::lanes],
                               typename CONFIG::exponent_t &exponent) {
    typename CONFIG::wide_t any = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, r * CONFIG::beats + k, beat);
        typename CONFIG::wide_t part = 0;
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            group[k * CONFIG::lanes + i] = beat[i];
            typename CONFIG::wide_t magnitude = beat[i];
            if (magnitude < 0)
                magnitude = -magnitude;
            part = part | magnitude;
        }
        any = any | part;
    }
    exponent = accel_excess<CONFIG::bits - 1, CONFIG::most>(any);
}

template <class CONFIG, class Y>
void accel_blockfloat_round(const typename CONFIG::in0_t group[CONFIG::beats * CONFIG::lanes],
                            typename CONFIG::exponent_t exponent, int r, Y &y) {
    const typename CONFIG::wide_t low = -CONFIG::top;
    const typename CONFIG::wide_t high = CONFIG::top;
    const int shift = exponent.to_int();
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t results[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=results complete
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::wide_t value = group[k * CONFIG::lanes + i];
            value = accel_shift_half_up(value, shift);
            value = accel_clip(value, low, high);
            value = value << shift;
            results[i] = value;
        }
        CONFIG::io::write(y, r * CONFIG::beats + k, results);
    }
}

template <class CONFIG, class X, class Y> void accel_blockfloat(X &x, Y &y) {
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t group[CONFIG::beats * CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=group cyclic factor=CONFIG::lanes
        typename CONFIG::exponent_t exponent;
        accel_blockfloat_exponent<CONFIG>(x, r, group, exponent);
        accel_blockfloat_round<CONFIG>(group, exponent, r, y);
    }
}

template <class CONFIG, class X, class Y> void accel_blockfloat_pipelined(X &x, Y &y) {
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t group[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=group complete
        typename CONFIG::exponent_t exponent;
        accel_blockfloat_exponent<CONFIG>(x, r, group, exponent);
        accel_blockfloat_round<CONFIG>(group, exponent, r, y);
    }
}

} // namespace nnet

#endif
