#ifndef ACCEL_DENSE_H_
#define ACCEL_DENSE_H_
// y[t, o] = Σ_i weight[o, i] · x[t, i] + bias[o]
//
// Written for one output per cycle: `inputs` multipliers, `outputs` cycles per token plus the pipeline's latency.
// Partial sums may wrap in two's complement; the last one fits the output's range.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_dense(X &x, Y &y, const typename CONFIG::weight_t weight[CONFIG::outputs * CONFIG::inputs],
                 const typename CONFIG::bias_t bias[CONFIG::outputs]) {
    #pragma HLS ARRAY_RESHAPE variable=weight cyclic factor=CONFIG::inputs
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::inputs];
        typename CONFIG::out_t sums[CONFIG::outputs];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=sums complete
        CONFIG::io::read(x, t, token);
        for (int o = 0; o < CONFIG::outputs; o++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::out_t sum = bias[o];
            for (int i = 0; i < CONFIG::inputs; i++) {
                #pragma HLS UNROLL
                sum += weight[o * CONFIG::inputs + i] * token[i];
            }
            sums[o] = sum;
        }
        CONFIG::io::write(y, t, sums);
    }
}

} // namespace nnet

#endif
