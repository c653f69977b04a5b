#ifndef ACCEL_SOFTMAX_H_
#define ACCEL_SOFTMAX_H_
// Per row of keys (r = query · heads + head), K = power, ob = out_bits:
//
//   d = max(x) − x;  E = rom[min(d, entries − 1)];  S = Σ E;  F = floor(2^K / S)
//   p = min((E·F + 2^(K − ob − 1)) >> (K − ob), 2^ob − 1)
//
// Causal: key j ≤ query + hidden_from; other keys take no part in the maximum and have E = 0.
//
// accel_softmax: four processes work on successive rows at the same time, and a row is handed on in ping-pong arrays.
// II 1 for a beat of `lanes` keys, with beats = keys / lanes; the division finds step_bits bits per cycle. A row every
// `steps` = max(beats, inverse_bits / step_bits) cycles plus the hand-over between processes: rows · steps cycles per
// sample. Every lane has its own copy of the rom.
//
// accel_softmax_pipelined, for a row in one beat: the same as one pipeline, division included. II 1: a row per cycle.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X>
void accel_softmax_max(X &x, int r, typename CONFIG::in0_t row[CONFIG::beats * CONFIG::lanes],
                       typename CONFIG::in0_t &largest) {
    const int visible = r / CONFIG::heads + CONFIG::hidden_from;
    typename CONFIG::in0_t most = CONFIG::least;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, r * CONFIG::beats + k, beat);
        typename CONFIG::in0_t best = CONFIG::least;
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            row[k * CONFIG::lanes + i] = beat[i];
            if (!(CONFIG::causal && k * CONFIG::lanes + i > visible) && beat[i] > best)
                best = beat[i];
        }
        if (best > most)
            most = best;
    }
    largest = most;
}

template <class CONFIG>
void accel_softmax_exp(const typename CONFIG::in0_t row[CONFIG::beats * CONFIG::lanes],
                       typename CONFIG::in0_t largest, int r,
                       const typename CONFIG::rom_t rom[CONFIG::lanes * CONFIG::entries],
                       typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::lanes],
                       typename CONFIG::sum_t &sum) {
    const typename CONFIG::distance_t last = CONFIG::entries - 1;
    const int visible = r / CONFIG::heads + CONFIG::hidden_from;
    typename CONFIG::sum_t total = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::sum_t part = 0;
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::rom_t exponential = 0;
            if (!(CONFIG::causal && k * CONFIG::lanes + i > visible)) {
                typename CONFIG::distance_t distance = largest - row[k * CONFIG::lanes + i];
                if (distance > last)
                    distance = last;
                exponential = rom[i * CONFIG::entries + distance.to_int()];
            }
            exponentials[k * CONFIG::lanes + i] = exponential;
            part += exponential;
        }
        total += part;
    }
    sum = total;
}

// The row is handed on beside the division.
template <class CONFIG>
void accel_softmax_divide(const typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::lanes],
                          typename CONFIG::sum_t sum,
                          typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::lanes],
                          typename CONFIG::inverse_t &inverse) {
    const typename CONFIG::rest_t divisor = sum;
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
        if (k < CONFIG::beats) {
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                kept[k * CONFIG::lanes + i] = exponentials[k * CONFIG::lanes + i];
            }
        }
    }
    inverse = quotient;
}

template <class CONFIG, class Y>
void accel_softmax_scale(const typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::lanes],
                         typename CONFIG::inverse_t inverse, int r, Y &y) {
    const typename CONFIG::product_t top = CONFIG::hi;
    const typename CONFIG::product_t zero = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t shares[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=shares complete
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            typename CONFIG::product_t product = kept[k * CONFIG::lanes + i] * inverse;
            product = accel_shift_round<CONFIG::power - CONFIG::out_bits, ACCEL_HALF_UP>(product);
            shares[i] = accel_clip(product, zero, top);
        }
        CONFIG::io::write(y, r * CONFIG::beats + k, shares);
    }
}

template <class CONFIG, class X, class Y>
void accel_softmax(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::lanes * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=rom block factor=CONFIG::lanes
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t row[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=row cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=exponentials cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=kept cyclic factor=CONFIG::lanes
        typename CONFIG::in0_t largest;
        typename CONFIG::sum_t sum;
        typename CONFIG::inverse_t inverse;
        accel_softmax_max<CONFIG>(x, r, row, largest);
        accel_softmax_exp<CONFIG>(row, largest, r, rom, exponentials, sum);
        accel_softmax_divide<CONFIG>(exponentials, sum, kept, inverse);
        accel_softmax_scale<CONFIG>(kept, inverse, r, y);
    }
}

template <class CONFIG, class X, class Y>
void accel_softmax_pipelined(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::lanes * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=rom block factor=CONFIG::lanes
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t row[CONFIG::lanes];
        typename CONFIG::rom_t exponentials[CONFIG::lanes];
        typename CONFIG::rom_t kept[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=row complete
        #pragma HLS ARRAY_PARTITION variable=exponentials complete
        #pragma HLS ARRAY_PARTITION variable=kept complete
        typename CONFIG::in0_t largest;
        typename CONFIG::sum_t sum;
        typename CONFIG::inverse_t inverse;
        accel_softmax_max<CONFIG>(x, r, row, largest);
        accel_softmax_exp<CONFIG>(row, largest, r, rom, exponentials, sum);
        accel_softmax_divide<CONFIG>(exponentials, sum, kept, inverse);
        accel_softmax_scale<CONFIG>(kept, inverse, r, y);
    }
}

} // namespace nnet

#endif
