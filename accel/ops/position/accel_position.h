#ifndef ACCEL_POSITION_H_
#define ACCEL_POSITION_H_
// y[t, c] = multiplier · x[t, c] + table[t, c]
//
// Written for one channel per cycle: `channels` cycles per token plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_position(X &x, Y &y, const typename CONFIG::table_t table[CONFIG::tokens * CONFIG::channels]) {
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::channels];
        typename CONFIG::out_t sums[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=sums complete
        CONFIG::io::read(x, t, token);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::out_t sum = token[c] * CONFIG::multiplier;
            sum += table[t * CONFIG::channels + c];
            sums[c] = sum;
        }
        CONFIG::io::write(y, t, sums);
    }
}

} // namespace nnet

#endif
