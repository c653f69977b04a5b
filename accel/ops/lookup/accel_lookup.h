#ifndef ACCEL_LOOKUP_H_
#define ACCEL_LOOKUP_H_
// y[t, c] = table[x[t, c] − base]
//
// II 1 for a beat of `lanes` channels, each with its own copy of the table: `beats` = tokens · channels / lanes cycles
// per sample plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_lookup(X &x, Y &y, const typename CONFIG::table_t table[CONFIG::lanes * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=table block factor=CONFIG::lanes
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        typename CONFIG::out_t found[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        #pragma HLS ARRAY_PARTITION variable=found complete
        CONFIG::io::read(x, k, beat);
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::index_t index = beat[i] - CONFIG::base;
            found[i] = table[i * CONFIG::entries + index.to_int()];
        }
        CONFIG::io::write(y, k, found);
    }
}

} // namespace nnet

#endif
