#ifndef ACCEL_MATMUL_H_
#define ACCEL_MATMUL_H_
// The two products of attention, per head, on flat channels (head-major); d = size, Tk = keys:
//
//   scores: y[t, h·Tk + u] = Σ_c a[t, h·d + c] · b[u, h·d + c]
//   values: y[t, h·d + c]  = Σ_u a[t, h·Tk + u] · b[u, h·d + c]
//
// b is read into a buffer first (Tk cycles), then one output per cycle: d (scores) or Tk (values) multipliers and
// heads·Tk (scores) or heads·d (values) cycles per token. Partial sums may wrap in two's complement; the last one fits.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class A, class B, class Y> void accel_matmul_scores(A &a, B &b, Y &y) {
    typename CONFIG::in1_t keys[CONFIG::keys][CONFIG::heads * CONFIG::size];
    #pragma HLS ARRAY_PARTITION variable=keys complete dim=2
    for (int u = 0; u < CONFIG::keys; u++) {
        #pragma HLS PIPELINE II=1
        CONFIG::io::read(b, u, keys[u]);
    }
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t query[CONFIG::heads * CONFIG::size];
        typename CONFIG::out_t scores[CONFIG::heads * CONFIG::keys];
        #pragma HLS ARRAY_PARTITION variable=query complete
        #pragma HLS ARRAY_PARTITION variable=scores complete
        CONFIG::io::read(a, t, query);
        for (int h = 0; h < CONFIG::heads; h++) {
            for (int u = 0; u < CONFIG::keys; u++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::out_t sum = 0;
                for (int c = 0; c < CONFIG::size; c++) {
                    #pragma HLS UNROLL
                    sum += query[h * CONFIG::size + c] * keys[u][h * CONFIG::size + c];
                }
                scores[h * CONFIG::keys + u] = sum;
            }
        }
        CONFIG::io::write(y, t, scores);
    }
}

template <class CONFIG, class A, class B, class Y> void accel_matmul_values(A &a, B &b, Y &y) {
    typename CONFIG::in1_t values[CONFIG::keys][CONFIG::heads * CONFIG::size];
    #pragma HLS ARRAY_PARTITION variable=values complete dim=1
    for (int u = 0; u < CONFIG::keys; u++) {
        #pragma HLS PIPELINE II=1
        CONFIG::io::read(b, u, values[u]);
    }
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t share[CONFIG::heads * CONFIG::keys];
        typename CONFIG::out_t mixed[CONFIG::heads * CONFIG::size];
        #pragma HLS ARRAY_PARTITION variable=share complete
        #pragma HLS ARRAY_PARTITION variable=mixed complete
        CONFIG::io::read(a, t, share);
        for (int h = 0; h < CONFIG::heads; h++) {
            for (int c = 0; c < CONFIG::size; c++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::out_t sum = 0;
                for (int u = 0; u < CONFIG::keys; u++) {
                    #pragma HLS UNROLL
                    sum += share[h * CONFIG::keys + u] * values[u][h * CONFIG::size + c];
                }
                mixed[h * CONFIG::size + c] = sum;
            }
        }
        CONFIG::io::write(y, t, mixed);
    }
}

} // namespace nnet

#endif
