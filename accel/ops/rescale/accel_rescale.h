#ifndef ACCEL_RESCALE_H_
#define ACCEL_RESCALE_H_
// y[t, c] = clip(round(x[t, c] · multiplier[c] / 2^shift), lo, hi), with one multiplier or one per channel
//
// II 1 for a beat of `lanes` channels: tokens · beats cycles per sample plus the pipeline's latency, with beats =
// channels / lanes.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_rescale(X &x, Y &y, const typename CONFIG::multiplier_t multiplier[CONFIG::multipliers]) {
    #pragma HLS ARRAY_RESHAPE variable=multiplier cyclic factor=CONFIG::multiplier_lanes
    const typename CONFIG::product_t low = CONFIG::lo;
    const typename CONFIG::product_t high = CONFIG::hi;
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int k = 0; k < CONFIG::beats; k++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in0_t beat[CONFIG::lanes];
            typename CONFIG::out_t results[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            #pragma HLS ARRAY_PARTITION variable=results complete
            CONFIG::io::read(x, t * CONFIG::beats + k, beat);
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                const int c = CONFIG::multipliers == 1 ? 0 : k * CONFIG::lanes + i;
                typename CONFIG::product_t product = beat[i] * multiplier[c];
                product = accel_shift_round<CONFIG::shift, CONFIG::rounding>(product);
                results[i] = accel_clip(product, low, high);
            }
            CONFIG::io::write(y, t * CONFIG::beats + k, results);
        }
    }
}

} // namespace nnet

#endif
