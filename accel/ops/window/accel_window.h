#ifndef ACCEL_WINDOW_H_
#define ACCEL_WINDOW_H_
// y[t, c] = x[first + t, c] where that is a token of the sequence, constants elsewhere
//
// The steps are tokens of constants before the sequence, its own, and constants behind it; of these `give` to `give_end`
// leave. II 1 for a beat of `lanes` channels: steps · beats cycles per sample plus the pipeline's latency, with beats =
// channels / lanes. One word of `lanes` constants is read per cycle; accel_window_cut, for a window within the sequence,
// has none.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_window(X &x, Y &y, const typename CONFIG::fill_t fill[CONFIG::words * CONFIG::lanes]) {
    #pragma HLS ARRAY_RESHAPE variable=fill cyclic factor=CONFIG::lanes
    for (int t = 0; t < CONFIG::steps; t++) {
        for (int k = 0; k < CONFIG::beats; k++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in0_t beat[CONFIG::lanes];
            typename CONFIG::out_t out[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            #pragma HLS ARRAY_PARTITION variable=out complete
            if (t >= CONFIG::read && t < CONFIG::read_end)
                CONFIG::io::read(x, (t - CONFIG::read) * CONFIG::beats + k, beat);
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                if (t >= CONFIG::read && t < CONFIG::read_end)
                    out[i] = beat[i];
                if (t < CONFIG::read)
                    out[i] = fill[(t * CONFIG::beats + k) * CONFIG::lanes + i];
                if (t >= CONFIG::read_end)
                    out[i] = fill[((t - CONFIG::tokens) * CONFIG::beats + k) * CONFIG::lanes + i];
            }
            if (t >= CONFIG::give && t < CONFIG::give_end)
                CONFIG::io::write(y, (t - CONFIG::give) * CONFIG::beats + k, out);
        }
    }
}

template <class CONFIG, class X, class Y> void accel_window_cut(X &x, Y &y) {
    for (int t = 0; t < CONFIG::steps; t++) {
        for (int k = 0; k < CONFIG::beats; k++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in0_t beat[CONFIG::lanes];
            typename CONFIG::out_t out[CONFIG::lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            #pragma HLS ARRAY_PARTITION variable=out complete
            CONFIG::io::read(x, t * CONFIG::beats + k, beat);
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                out[i] = beat[i];
            }
            if (t >= CONFIG::give && t < CONFIG::give_end)
                CONFIG::io::write(y, (t - CONFIG::give) * CONFIG::beats + k, out);
        }
    }
}

} // namespace nnet

#endif
