#ifndef ACCEL_POSITION_H_
#define ACCEL_POSITION_H_
// y[t, c] = multiplier · x[t, c] + table[t, c]
//
// II 1 for a beat of `lanes` channels: `beats` = tokens · channels / lanes cycles per sample plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_position(X &x, Y &y, const typename CONFIG::table_t table[CONFIG::beats * CONFIG::lanes]) {
    #pragma HLS ARRAY_RESHAPE variable=table cyclic factor=CONFIG::lanes
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        typename CONFIG::out_t sums[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        #pragma HLS ARRAY_PARTITION variable=sums complete
        CONFIG::io::read(x, k, beat);
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::out_t sum = beat[i] * CONFIG::multiplier;
            sum += table[k * CONFIG::lanes + i];
            sums[i] = sum;
        }
        CONFIG::io::write(y, k, sums);
    }
}

} // namespace nnet

#endif
