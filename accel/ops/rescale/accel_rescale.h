#ifndef ACCEL_RESCALE_H_
#define ACCEL_RESCALE_H_
// y[t, c] = clip(round(x[t, c] · multiplier[c] / 2^shift), lo, hi), with one multiplier or one per channel
//
// Written for one channel per cycle: `channels` cycles per token plus the pipeline's latency.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_rescale(X &x, Y &y, const typename CONFIG::multiplier_t multiplier[CONFIG::multipliers]) {
    const typename CONFIG::product_t low = CONFIG::lo;
    const typename CONFIG::product_t high = CONFIG::hi;
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::channels];
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=row complete
        CONFIG::io::read(x, t, token);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::product_t product = token[c] * multiplier[CONFIG::multipliers == 1 ? 0 : c];
            product = accel_shift_round<CONFIG::shift, CONFIG::rounding>(product);
            row[c] = accel_clip(product, low, high);
        }
        CONFIG::io::write(y, t, row);
    }
}

} // namespace nnet

#endif
