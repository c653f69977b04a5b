#ifndef ACCEL_DENSE_H_
#define ACCEL_DENSE_H_
// y[t, o] = Σ_i weight[o, i] · x[t, i] + bias[o]
//
// II 1: PE · SIMD products per cycle, tokens · passes · beats cycles per sample plus the pipeline's latency, with
// passes = outputs / PE and beats = inputs / SIMD. A token is read during its first pass and kept for the others; a
// beat of PE outputs is written at the end of every pass. One word of PE · SIMD weights is read per cycle.
// Partial sums may wrap in two's complement; the last one fits the output's range.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_dense(X &x, Y &y, const typename CONFIG::weight_t weight[CONFIG::passes * CONFIG::beats * CONFIG::word],
                 const typename CONFIG::bias_t bias[CONFIG::passes * CONFIG::pe]) {
    #pragma HLS ARRAY_RESHAPE variable=weight cyclic factor=CONFIG::word
    #pragma HLS ARRAY_RESHAPE variable=bias cyclic factor=CONFIG::pe
    typename CONFIG::in0_t token[CONFIG::beats * CONFIG::simd];
    typename CONFIG::out_t sums[CONFIG::pe];
    #pragma HLS ARRAY_PARTITION variable=token cyclic factor=CONFIG::simd
    #pragma HLS ARRAY_PARTITION variable=sums complete
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int pass = 0; pass < CONFIG::passes; pass++) {
            for (int k = 0; k < CONFIG::beats; k++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::in0_t beat[CONFIG::simd];
                #pragma HLS ARRAY_PARTITION variable=beat complete
                if (pass == 0)
                    CONFIG::io::read(x, t * CONFIG::beats + k, beat);
                for (int s = 0; s < CONFIG::simd; s++) {
                    #pragma HLS UNROLL
                    if (pass == 0)
                        token[k * CONFIG::simd + s] = beat[s];
                    else
                        beat[s] = token[k * CONFIG::simd + s];
                }
                for (int p = 0; p < CONFIG::pe; p++) {
                    #pragma HLS UNROLL
                    typename CONFIG::out_t part = 0;
                    for (int s = 0; s < CONFIG::simd; s++) {
                        #pragma HLS UNROLL
                        part += weight[((pass * CONFIG::beats + k) * CONFIG::pe + p) * CONFIG::simd + s] * beat[s];
                    }
                    if (k == 0)
                        sums[p] = bias[pass * CONFIG::pe + p];
                    sums[p] += part;
                }
                if (k == CONFIG::beats - 1)
                    CONFIG::io::write(y, t * CONFIG::passes + pass, sums);
            }
        }
    }
}

} // namespace nnet

#endif
