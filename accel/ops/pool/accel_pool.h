#ifndef ACCEL_POOL_H_
#define ACCEL_POOL_H_
// y[c] = Σ_t x[t, c]
//
// II 1 for a beat of `lanes` channels: tokens · beats cycles per sample plus the pipeline's latency, with beats =
// channels / lanes. The result leaves with the last token.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y> void accel_pool(X &x, Y &y) {
    typename CONFIG::out_t sums[CONFIG::beats * CONFIG::lanes];
    #pragma HLS ARRAY_PARTITION variable=sums cyclic factor=CONFIG::lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int k = 0; k < CONFIG::beats; k++) {
            #pragma HLS PIPELINE II=1
            #pragma HLS DEPENDENCE variable=sums inter RAW distance=CONFIG::beats true
            typename CONFIG::in0_t beat[CONFIG::lanes];
            typename CONFIG::out_t total[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            #pragma HLS ARRAY_PARTITION variable=total complete
            CONFIG::io::read(x, t * CONFIG::beats + k, beat);
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                typename CONFIG::out_t sum = beat[i];
                if (t > 0)
                    sum += sums[k * CONFIG::lanes + i];
                sums[k * CONFIG::lanes + i] = sum;
                total[i] = sum;
            }
            if (t == CONFIG::tokens - 1)
                CONFIG::io::write(y, k, total);
        }
    }
}

} // namespace nnet

#endif
