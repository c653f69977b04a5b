#ifndef ACCEL_SOFTMAX_H_
#define ACCEL_SOFTMAX_H_
// Per row of `row` keys, K = power, ob = out_bits:
//
//   d = max(x) − x;  E = rom[min(d, entries − 1)];  S = Σ E;  F = floor(2^K / S)
//   p = min((E·F + 2^(K − ob − 1)) >> (K − ob), 2^ob − 1)
//
// Causal: key j ≤ query t + (row − tokens); other keys take no part in the maximum and have E = 0.
// Written for one key per cycle and loop, from one copy of the rom: 3·row + inverse_bits cycles per row plus latencies.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_softmax(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::entries]) {
    const typename CONFIG::distance_t last = CONFIG::entries - 1;
    const typename CONFIG::product_t top = CONFIG::hi;
    const typename CONFIG::product_t zero = 0;
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::heads * CONFIG::row];
        typename CONFIG::out_t shares[CONFIG::heads * CONFIG::row];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=shares complete
        CONFIG::io::read(x, t, token);
        for (int h = 0; h < CONFIG::heads; h++) {
            const int first = h * CONFIG::row;
            typename CONFIG::in0_t largest = token[first];
            for (int j = 1; j < CONFIG::row; j++) {
                #pragma HLS PIPELINE II=1
                const bool hidden = CONFIG::causal && j > t + CONFIG::row - CONFIG::tokens;
                if (!hidden && token[first + j] > largest)
                    largest = token[first + j];
            }
            typename CONFIG::rom_t exponentials[CONFIG::row];
            typename CONFIG::sum_t sum = 0;
            for (int j = 0; j < CONFIG::row; j++) {
                #pragma HLS PIPELINE II=1
                const bool hidden = CONFIG::causal && j > t + CONFIG::row - CONFIG::tokens;
                typename CONFIG::rom_t exponential = 0;
                if (!hidden) {
                    typename CONFIG::distance_t distance = largest - token[first + j];
                    if (distance > last)
                        distance = last;
                    exponential = rom[distance.to_int()];
                }
                exponentials[j] = exponential;
                sum += exponential;
            }
            typename CONFIG::inverse_t inverse =
                accel_divide<CONFIG::power, CONFIG::inverse_bits, typename CONFIG::inverse_t,
                             typename CONFIG::rest_t>(sum);
            for (int j = 0; j < CONFIG::row; j++) {
                #pragma HLS PIPELINE II=1
                typename CONFIG::product_t product = exponentials[j] * inverse;
                product = accel_shift_round<CONFIG::power - CONFIG::out_bits, ACCEL_HALF_UP>(product);
                shares[first + j] = accel_clip(product, zero, top);
            }
        }
        CONFIG::io::write(y, t, shares);
    }
}

} // namespace nnet

#endif
