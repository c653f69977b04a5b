#ifndef ACCEL_SPARSE_H_
#define ACCEL_SPARSE_H_
// y[t, o] = Σ_i weight[o, i] · x[t, i] + bias[o], with at most n weights in every m inputs of a row
//
// Like accel_dense, but only the kept weights are there and are multiplied: PE · SIMD products per cycle for beats of
// wide = SIMD / n · m inputs, so tokens · passes · beats cycles per sample with beats = inputs / wide. Of a group's m
// inputs the k-th kept weight has number k + place, place ≤ m − n.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_sparse(X &x, Y &y, const typename CONFIG::weight_t weight[CONFIG::passes * CONFIG::beats * CONFIG::word],
                  const typename CONFIG::place_t place[CONFIG::passes * CONFIG::beats * CONFIG::word],
                  const typename CONFIG::bias_t bias[CONFIG::passes * CONFIG::pe]) {
    #pragma HLS ARRAY_RESHAPE variable=weight cyclic factor=CONFIG::word
    #pragma HLS ARRAY_RESHAPE variable=place cyclic factor=CONFIG::word
    #pragma HLS ARRAY_RESHAPE variable=bias cyclic factor=CONFIG::pe
    typename CONFIG::in0_t token[CONFIG::beats * CONFIG::wide];
    typename CONFIG::out_t sums[CONFIG::pe];
    #pragma HLS ARRAY_PARTITION variable=token cyclic factor=CONFIG::wide
    #pragma HLS ARRAY_PARTITION variable=sums complete
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int pass = 0; pass < CONFIG::passes; pass++) {
            for (int k = 0; k < CONFIG::beats; k++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::in0_t beat[CONFIG::wide];
                #pragma HLS ARRAY_PARTITION variable=beat complete
                if (pass == 0)
                    CONFIG::io::read(x, t * CONFIG::beats + k, beat);
                for (int i = 0; i < CONFIG::wide; i++) {
                    #pragma HLS UNROLL
                    if (pass == 0)
                        token[k * CONFIG::wide + i] = beat[i];
                    else
                        beat[i] = token[k * CONFIG::wide + i];
                }
                for (int p = 0; p < CONFIG::pe; p++) {
                    #pragma HLS UNROLL
                    typename CONFIG::out_t part = 0;
                    for (int s = 0; s < CONFIG::simd; s++) {
                        #pragma HLS UNROLL
                        const int at = ((pass * CONFIG::beats + k) * CONFIG::pe + p) * CONFIG::simd + s;
                        typename CONFIG::place_t behind = place[at];
                        part += weight[at] * beat[s / CONFIG::n * CONFIG::m + s % CONFIG::n + behind.to_int()];
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
