#ifndef ACCEL_ADD_H_
#define ACCEL_ADD_H_
// y[t, c] = multiplier_a · a[t, c] + multiplier_b · b[t, c]
//
// Written for one channel per cycle: `channels` cycles per token plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class A, class B, class Y> void accel_add(A &a, B &b, Y &y) {
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t left[CONFIG::channels];
        typename CONFIG::in1_t right[CONFIG::channels];
        typename CONFIG::out_t sums[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=left complete
        #pragma HLS ARRAY_PARTITION variable=right complete
        #pragma HLS ARRAY_PARTITION variable=sums complete
        CONFIG::io::read(a, t, left);
        CONFIG::io::read(b, t, right);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::out_t sum = left[c] * CONFIG::multiplier_a;
            sum += right[c] * CONFIG::multiplier_b;
            sums[c] = sum;
        }
        CONFIG::io::write(y, t, sums);
    }
}

} // namespace nnet

#endif
