#ifndef ACCEL_MUL_H_
#define ACCEL_MUL_H_
// y[t, c] = a[t, c] · b[t, c]
//
// II 1 for a beat of `lanes` channels: `beats` = tokens · channels / lanes cycles per sample plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class A, class B, class Y> void accel_mul(A &a, B &b, Y &y) {
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t left[CONFIG::lanes];
        typename CONFIG::in1_t right[CONFIG::lanes];
        typename CONFIG::out_t products[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=left complete
        #pragma HLS ARRAY_PARTITION variable=right complete
        #pragma HLS ARRAY_PARTITION variable=products complete
        CONFIG::io::read(a, k, left);
        CONFIG::io::read(b, k, right);
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            products[i] = left[i] * right[i];
        }
        CONFIG::io::write(y, k, products);
    }
}

} // namespace nnet

#endif
