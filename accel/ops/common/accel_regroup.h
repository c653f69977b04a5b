#ifndef ACCEL_REGROUP_H_
#define ACCEL_REGROUP_H_
// The elements of an edge in beats of another size; one of the two sizes divides the other. `group` is the larger one,
// `ratio` how many of the smaller make one of it.
//
// II 1: `groups` · ratio cycles per sample, one smaller beat in each. Latency ratio when beats grow, else 1.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y> void accel_gather(X &x, Y &y) {
    typename CONFIG::out_t group[CONFIG::group];
    #pragma HLS ARRAY_PARTITION variable=group complete
    for (int g = 0; g < CONFIG::groups; g++) {
        for (int k = 0; k < CONFIG::ratio; k++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in0_t beat[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            CONFIG::io::read(x, g * CONFIG::ratio + k, beat);
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                group[k * CONFIG::lanes + i] = beat[i];
            }
            if (k == CONFIG::ratio - 1)
                CONFIG::io::write(y, g, group);
        }
    }
}

template <class CONFIG, class X, class Y> void accel_scatter(X &x, Y &y) {
    typename CONFIG::in0_t group[CONFIG::group];
    #pragma HLS ARRAY_PARTITION variable=group complete
    for (int g = 0; g < CONFIG::groups; g++) {
        for (int k = 0; k < CONFIG::ratio; k++) {
            #pragma HLS PIPELINE II=1
            if (k == 0)
                CONFIG::io::read(x, g, group);
            typename CONFIG::out_t beat[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                beat[i] = group[k * CONFIG::lanes + i];
            }
            CONFIG::io::write(y, g * CONFIG::ratio + k, beat);
        }
    }
}

// The same beats twice: an array between processes has one reader (streams are copied by hls4ml's clone_stream).
template <class CONFIG, class X, class Y> void accel_fork(X &x, Y &y, Y &copy) {
    for (int g = 0; g < CONFIG::groups; g++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t beat[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, g, beat);
        CONFIG::io::write(y, g, beat);
        CONFIG::io::write(copy, g, beat);
    }
}

} // namespace nnet

#endif
