#ifndef ACCEL_NORM_L2_H_
#define ACCEL_NORM_L2_H_
// Form l2 per token, b = mantissa_bits, f = fraction, root_bits = b + f, K = power:
//
//   v = Σx² + offset;  a = ⌈(bit_length(v) − 2b) / 2⌉
//   r = max(isqrt(⌊v / 4^a⌋ · 4^f), 2^(b + f − 1));  R = floor(2^K / r)
//   y = clip((x·gamma·R + 2^(shift + a − 1)) >> (shift + a), lo, hi)
//
// gamma holds one entry or one per channel. `shift` is the constant for a = −b, the smallest one.
//
// accel_norm_l2: four processes work on successive tokens at the same time, and a token is handed on in ping-pong arrays.
// II 1 for a beat of `lanes` channels, with beats = channels / lanes; root and division find step_bits bits per cycle.
// A token every max(beats, root_bits / step_bits, inverse_bits / step_bits) cycles plus the hand-over between processes.
//
// accel_norm_l2_pipelined, for a token in one beat: the same as one pipeline, root and division included. II 1: a token
// per cycle.

#include "accel_norm.h"

namespace nnet {

// The sum of squares, and its leading bits: `place` is a + b.
template <class CONFIG, class X>
void accel_norm_squares(X &x, int t, typename CONFIG::in0_t token[CONFIG::beats * CONFIG::lanes],
                        typename CONFIG::place_t &place, typename CONFIG::radicand_t &radicand) {
    typename CONFIG::square_t squares = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, t * CONFIG::beats + k, beat);
        typename CONFIG::square_t part = 0;
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            token[k * CONFIG::lanes + i] = beat[i];
            part += beat[i] * beat[i];
        }
        squares += part;
    }
    squares += CONFIG::offset;
    const int found = accel_excess<0, CONFIG::places, 2>(squares);
    typename CONFIG::wide_t wide = squares;
    wide = wide << (2 * CONFIG::mantissa_bits);
    wide = wide >> (2 * found);
    wide = wide << (2 * CONFIG::fraction);
    place = found;
    radicand = wide;
}

template <class CONFIG, class Y>
void accel_norm_lengthen(const typename CONFIG::in0_t held[CONFIG::beats * CONFIG::lanes],
                         typename CONFIG::place_t place, const typename CONFIG::inverse_t &inverse,
                         const typename CONFIG::gamma_t gamma[CONFIG::gammas], int t, Y &y) {
    const typename CONFIG::sum_t low = CONFIG::lo;
    const typename CONFIG::sum_t high = CONFIG::hi;
    const int shift = CONFIG::shift + place.to_int();
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t results[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=results complete
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            const int c = k * CONFIG::lanes + i;
            typename CONFIG::sum_t sum = held[c] * gamma[CONFIG::gammas == 1 ? 0 : c];
            sum = sum * inverse;
            sum = accel_shift_half_up(sum, shift);
            results[i] = accel_clip(sum, low, high);
        }
        CONFIG::io::write(y, t * CONFIG::beats + k, results);
    }
}

template <class CONFIG, class X, class Y>
void accel_norm_l2(X &x, Y &y, const typename CONFIG::gamma_t gamma[CONFIG::gammas]) {
    #pragma HLS ARRAY_RESHAPE variable=gamma cyclic factor=CONFIG::gamma_lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t token[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::in0_t kept[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::in0_t held[CONFIG::beats * CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=token cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=kept cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=held cyclic factor=CONFIG::lanes
        typename CONFIG::place_t place;
        typename CONFIG::radicand_t radicand;
        typename CONFIG::root_t root;
        typename CONFIG::inverse_t inverse;
        accel_norm_squares<CONFIG>(x, t, token, place, radicand);
        accel_norm_root<CONFIG>(token, radicand, kept, root);
        accel_norm_divide<CONFIG>(kept, root, held, inverse);
        accel_norm_lengthen<CONFIG>(held, place, inverse, gamma, t, y);
    }
}

template <class CONFIG, class X, class Y>
void accel_norm_l2_pipelined(X &x, Y &y, const typename CONFIG::gamma_t gamma[CONFIG::gammas]) {
    #pragma HLS ARRAY_RESHAPE variable=gamma cyclic factor=CONFIG::gamma_lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t token[CONFIG::lanes];
        typename CONFIG::in0_t kept[CONFIG::lanes];
        typename CONFIG::in0_t held[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=kept complete
        #pragma HLS ARRAY_PARTITION variable=held complete
        typename CONFIG::place_t place;
        typename CONFIG::radicand_t radicand;
        typename CONFIG::root_t root;
        typename CONFIG::inverse_t inverse;
        accel_norm_squares<CONFIG>(x, t, token, place, radicand);
        accel_norm_root<CONFIG>(token, radicand, kept, root);
        accel_norm_divide<CONFIG>(kept, root, held, inverse);
        accel_norm_lengthen<CONFIG>(held, place, inverse, gamma, t, y);
    }
}

} // namespace nnet

#endif
