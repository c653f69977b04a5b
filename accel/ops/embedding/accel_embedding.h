#ifndef ACCEL_EMBEDDING_H_
#define ACCEL_EMBEDDING_H_
// y[t, c] = table[x[t] − base, c]
//
// II 1 for a beat of `lanes` channels: tokens · beats cycles per sample plus the pipeline's latency, with beats =
// channels / lanes. One word of `lanes` elements is read per cycle.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_embedding(X &x, Y &y,
                     const typename CONFIG::table_t table[CONFIG::entries * CONFIG::beats * CONFIG::lanes]) {
    #pragma HLS ARRAY_RESHAPE variable=table cyclic factor=CONFIG::lanes
    typename CONFIG::index_t index = 0;
    for (int t = 0; t < CONFIG::tokens; t++) {
        for (int k = 0; k < CONFIG::beats; k++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in0_t identifier[1];
            typename CONFIG::out_t out[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=identifier complete
            #pragma HLS ARRAY_PARTITION variable=out complete
            if (k == 0) {
                CONFIG::io::read(x, t, identifier);
                index = identifier[0] - CONFIG::base;
            }
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                out[i] = table[(index.to_int() * CONFIG::beats + k) * CONFIG::lanes + i];
            }
            CONFIG::io::write(y, t * CONFIG::beats + k, out);
        }
    }
}

} // namespace nnet

#endif
