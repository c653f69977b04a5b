#ifndef ACCEL_LOOKUP_H_
#define ACCEL_LOOKUP_H_
// y[t, c] = table[x[t, c] − base]
//
// Written for one channel per cycle from one copy of the table: `channels` cycles per token plus the latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_lookup(X &x, Y &y, const typename CONFIG::table_t table[CONFIG::entries]) {
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::channels];
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=row complete
        CONFIG::io::read(x, t, token);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::index_t index = token[c] - CONFIG::base;
            row[c] = table[index.to_int()];
        }
        CONFIG::io::write(y, t, row);
    }
}

} // namespace nnet

#endif
