#ifndef ACCEL_ROTARY_H_
#define ACCEL_ROTARY_H_
// y[t, c] = cos[t, c mod P] · x[t, c] + sin[t, c mod P] · x[t, c xor 1]
//
// II 1 for a beat of `lanes` channels: tokens · turns · words cycles per sample plus the pipeline's latency. A token has
// `words` beats of constants, which its heads use in `turns` turns: turns · words = channels / lanes.

#include "accel_io.h"

namespace nnet {

// Pairs of channels turn: `lanes` is 2 · pairs.
template <class CONFIG, class X, class Y>
void accel_rotary(X &x, Y &y, const typename CONFIG::cos_t cos[CONFIG::tokens * CONFIG::words * CONFIG::lanes],
                  const typename CONFIG::sin_t sin[CONFIG::tokens * CONFIG::words * CONFIG::lanes]) {
    #pragma HLS ARRAY_RESHAPE variable=cos cyclic factor=CONFIG::lanes
    #pragma HLS ARRAY_RESHAPE variable=sin cyclic factor=CONFIG::lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int turn = 0; turn < CONFIG::turns; turn++) {
            for (int k = 0; k < CONFIG::words; k++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::in0_t beat[CONFIG::lanes];
                typename CONFIG::out_t sums[CONFIG::lanes];
                #pragma HLS ARRAY_PARTITION variable=beat complete
                #pragma HLS ARRAY_PARTITION variable=sums complete
                CONFIG::io::read(x, (t * CONFIG::turns + turn) * CONFIG::words + k, beat);
                for (int i = 0; i < CONFIG::pairs; i++) {
                    #pragma HLS UNROLL
                    const int at = (t * CONFIG::words + k) * CONFIG::lanes + 2 * i;
                    typename CONFIG::out_t first = beat[2 * i] * cos[at];
                    typename CONFIG::out_t second = beat[2 * i + 1] * cos[at + 1];
                    first += beat[2 * i + 1] * sin[at];
                    second += beat[2 * i] * sin[at + 1];
                    sums[2 * i] = first;
                    sums[2 * i + 1] = second;
                }
                CONFIG::io::write(y, (t * CONFIG::turns + turn) * CONFIG::words + k, sums);
            }
        }
    }
}

// Every channel alone.
template <class CONFIG, class X, class Y>
void accel_rotary_alone(X &x, Y &y, const typename CONFIG::cos_t cos[CONFIG::tokens * CONFIG::words * CONFIG::lanes]) {
    #pragma HLS ARRAY_RESHAPE variable=cos cyclic factor=CONFIG::lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int turn = 0; turn < CONFIG::turns; turn++) {
            for (int k = 0; k < CONFIG::words; k++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::in0_t beat[CONFIG::lanes];
                typename CONFIG::out_t products[CONFIG::lanes];
                #pragma HLS ARRAY_PARTITION variable=beat complete
                #pragma HLS ARRAY_PARTITION variable=products complete
                CONFIG::io::read(x, (t * CONFIG::turns + turn) * CONFIG::words + k, beat);
                for (int i = 0; i < CONFIG::lanes; i++) {
                    #pragma HLS UNROLL
                    products[i] = beat[i] * cos[(t * CONFIG::words + k) * CONFIG::lanes + i];
                }
                CONFIG::io::write(y, (t * CONFIG::turns + turn) * CONFIG::words + k, products);
            }
        }
    }
}

} // namespace nnet

#endif
