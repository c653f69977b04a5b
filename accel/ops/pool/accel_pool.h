#ifndef ACCEL_POOL_H_
#define ACCEL_POOL_H_
// y[c] = Σ_t x[t, c]
//
// Written for one token per cycle: `tokens` cycles per sample plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y> void accel_pool(X &x, Y &y) {
    typename CONFIG::out_t sums[CONFIG::channels];
    #pragma HLS ARRAY_PARTITION variable=sums complete
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t token[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        CONFIG::io::read(x, t, token);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS UNROLL
            if (t == 0)
                sums[c] = token[c];
            else
                sums[c] += token[c];
        }
    }
    CONFIG::io::write(y, 0, sums);
}

} // namespace nnet

#endif
