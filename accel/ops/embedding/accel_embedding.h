#ifndef ACCEL_EMBEDDING_H_
#define ACCEL_EMBEDDING_H_
// y[t, c] = table[x[t] − base, c]
//
// Written for one channel per cycle from one copy of the table: `channels` cycles per token plus the latency.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_embedding(X &x, Y &y, const typename CONFIG::table_t table[CONFIG::entries * CONFIG::channels]) {
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t identifier[1];
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=row complete
        CONFIG::io::read(x, t, identifier);
        typename CONFIG::index_t index = identifier[0] - CONFIG::base;
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            row[c] = table[index.to_int() * CONFIG::channels + c];
        }
        CONFIG::io::write(y, t, row);
    }
}

} // namespace nnet

#endif
