#ifndef ACCEL_DIVIDE_H_
#define ACCEL_DIVIDE_H_
// Per head of a token, K = power, with one divisor b for its channels a:
//
//   b' = max(b, 2^least), or its `kept` leading bits
//   inv = floor(2^K / b');  j = max(0, bit_length(inv) − significant);  R = inv >> j
//   y = clip((a·R + 2^(shift − j − 1)) >> (shift − j), lo, hi)
//
// accel_divide: two processes work on successive heads. II 1 for a beat of `lanes` channels; the division finds step_bits
// bits per cycle. A head every max(beats, inverse_bits / step_bits) cycles plus the hand-over between the processes.
//
// accel_divide_pipelined, for a head in one beat: the same as one pipeline, division included. II 1: a head per cycle.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class B> void accel_divide_inverse(B &b, int r, typename CONFIG::inverse_t &inverse) {
    typename CONFIG::in1_t beat[1];
    #pragma HLS ARRAY_PARTITION variable=beat complete
    CONFIG::io::read(b, r, beat);
    typename CONFIG::rest_t divisor = beat[0];
    typename CONFIG::rest_t least = 1;
    least = least << CONFIG::least;
    if (divisor < least)
        divisor = least;
    if (CONFIG::kept > 0) {
        const int below = accel_excess<CONFIG::kept, CONFIG::below>(divisor);
        divisor = divisor >> below;
        divisor = divisor << below;
    }
    typename CONFIG::inverse_t quotient = 0;
    typename CONFIG::rest_t rest = 1;
    rest = rest << (CONFIG::power - CONFIG::inverse_bits);
    for (int k = 0; k < CONFIG::steps; k++) {
        #pragma HLS PIPELINE II=1
        for (int i = 0; i < CONFIG::step_bits; i++) {
            #pragma HLS UNROLL
            if (k * CONFIG::step_bits + i < CONFIG::inverse_bits)
                accel_divide_step(divisor, quotient, rest);
        }
    }
    inverse = quotient;
}

template <class CONFIG, class A, class Y>
void accel_divide_scale(A &a, const typename CONFIG::inverse_t &inverse, int r, Y &y) {
    const typename CONFIG::product_t low = CONFIG::lo;
    const typename CONFIG::product_t high = CONFIG::hi;
    const int spare = accel_excess<CONFIG::significant, CONFIG::most>(inverse);
    const typename CONFIG::inverse_t factor = inverse >> spare;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        typename CONFIG::out_t results[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        #pragma HLS ARRAY_PARTITION variable=results complete
        CONFIG::io::read(a, r * CONFIG::beats + k, beat);
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::product_t product = beat[i] * factor;
            product = accel_shift_half_up(product, CONFIG::shift - spare);
            results[i] = accel_clip(product, low, high);
        }
        CONFIG::io::write(y, r * CONFIG::beats + k, results);
    }
}

template <class CONFIG, class A, class B, class Y> void accel_divide(A &a, B &b, Y &y) {
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS DATAFLOW
        typename CONFIG::inverse_t inverse;
        accel_divide_inverse<CONFIG>(b, r, inverse);
        accel_divide_scale<CONFIG>(a, inverse, r, y);
    }
}

template <class CONFIG, class A, class B, class Y> void accel_divide_pipelined(A &a, B &b, Y &y) {
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::inverse_t inverse;
        accel_divide_inverse<CONFIG>(b, r, inverse);
        accel_divide_scale<CONFIG>(a, inverse, r, y);
    }
}

} // namespace nnet

#endif
