#ifndef ACCEL_WINDOW_H_
#define ACCEL_WINDOW_H_
// y[t, c] = x[first + t, c] for start ≤ t < stop, constants for other tokens
//
// Written for one token per cycle: `tokens` cycles and one per constant token, plus the pipeline's latency.

#include "accel_io.h"

namespace nnet {

// A window within the sequence.
template <class CONFIG, class X, class Y> void accel_window(X &x, Y &y) {
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t token[CONFIG::channels];
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=row complete
        CONFIG::io::read(x, t, token);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS UNROLL
            row[c] = token[c];
        }
        int place = t - CONFIG::first;
        if (CONFIG::start <= place && place < CONFIG::stop)
            CONFIG::io::write(y, place, row);
    }
}

// Rows of constants for tokens `begin` to `end` of the output; the table's first row is `skipped` before `begin`.
template <class CONFIG, class Y>
void accel_window_fill(Y &y, const typename CONFIG::fill_t fill[CONFIG::constants * CONFIG::channels], int begin,
                       int end, int skipped) {
    for (int t = begin; t < end; t++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=row complete
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS UNROLL
            row[c] = fill[(t - skipped) * CONFIG::channels + c];
        }
        CONFIG::io::write(y, t, row);
    }
}

// A window that reaches beyond the sequence, on one side or both.
template <class CONFIG, class X, class Y>
void accel_window(X &x, Y &y, const typename CONFIG::fill_t fill[CONFIG::constants * CONFIG::channels]) {
    accel_window_fill<CONFIG>(y, fill, 0, CONFIG::start, 0);
    accel_window<CONFIG>(x, y);
    accel_window_fill<CONFIG>(y, fill, CONFIG::stop, CONFIG::outputs, CONFIG::stop - CONFIG::start);
}

} // namespace nnet

#endif
