#ifndef ACCEL_SOFTMAX_H_
#define ACCEL_SOFTMAX_H_
// Per row of keys, one for every query and head, K = power, ob = out_bits:
//
//   d = max(x) − x;  E = rom[min(d, entries − 1)];  S = Σ E;  F = floor(2^K / S)
//   p = min((E·F + 2^(K − ob − 1)) >> (K − ob), 2^ob − 1)
//
// Causal: key j ≤ query + hidden_from; other keys take no part in the maximum and have E = 0.
//
// The rows of `side` heads are worked on side by side, and side · turns = heads. A beat is `lanes` keys of each of them,
// width = side · lanes elements, with beats = keys / lanes. Every element of a beat has its own copy of the rom.
//
// accel_softmax: four processes work on successive rows at the same time, and a row is handed on in ping-pong arrays.
// II 1 for a beat; the division finds step_bits bits per cycle. The next rows every `steps` = max(beats, inverse_bits /
// step_bits) cycles plus the hand-over between processes: rows · steps cycles per sample, with rows = tokens · turns.
//
// accel_softmax_pipelined, for a row in one beat: the same as one pipeline, division included. II 1: `side` rows per
// cycle.

#include "accel_arith.h"
#include "accel_exponential.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG>
void accel_softmax_exp(const typename CONFIG::in0_t row[CONFIG::beats * CONFIG::width],
                       const typename CONFIG::in0_t largest[CONFIG::side], int r,
                       const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries],
                       typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::width],
                       typename CONFIG::sum_t sum[CONFIG::side]) {
    const int visible = r / CONFIG::turns + CONFIG::hidden_from;
    typename CONFIG::sum_t total[CONFIG::side];
    #pragma HLS ARRAY_PARTITION variable=total complete
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        for (int h = 0; h < CONFIG::side; h++) {
            #pragma HLS UNROLL
            typename CONFIG::sum_t part = 0;
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                const int place = h * CONFIG::lanes + i;
                const bool hidden = CONFIG::causal && k * CONFIG::lanes + i > visible;
                const typename CONFIG::rom_t exponential =
                    accel_exponential_of<CONFIG>(largest[h], row[k * CONFIG::width + place], hidden, rom, place);
                exponentials[k * CONFIG::width + place] = exponential;
                part += exponential;
            }
            if (k == 0)
                total[h] = 0;
            total[h] += part;
            sum[h] = total[h];
        }
    }
}

// The rows are handed on beside the divisions.
template <class CONFIG>
void accel_softmax_divide(const typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::width],
                          const typename CONFIG::sum_t sum[CONFIG::side],
                          typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::width],
                          typename CONFIG::inverse_t inverse[CONFIG::side]) {
    typename CONFIG::inverse_t quotient[CONFIG::side];
    typename CONFIG::rest_t rest[CONFIG::side];
    #pragma HLS ARRAY_PARTITION variable=quotient complete
    #pragma HLS ARRAY_PARTITION variable=rest complete
    for (int k = 0; k < CONFIG::steps; k++) {
        #pragma HLS PIPELINE II=1
        for (int h = 0; h < CONFIG::side; h++) {
            #pragma HLS UNROLL
            const typename CONFIG::rest_t divisor = sum[h];
            if (k == 0) {
                quotient[h] = 0;
                rest[h] = 1;
                rest[h] = rest[h] << (CONFIG::power - CONFIG::inverse_bits);
            }
            for (int i = 0; i < CONFIG::step_bits; i++) {
                #pragma HLS UNROLL
                if (k * CONFIG::step_bits + i < CONFIG::inverse_bits)
                    accel_divide_step(divisor, quotient[h], rest[h]);
            }
            inverse[h] = quotient[h];
        }
        if (k < CONFIG::beats) {
            for (int i = 0; i < CONFIG::width; i++) {
                #pragma HLS UNROLL
                kept[k * CONFIG::width + i] = exponentials[k * CONFIG::width + i];
            }
        }
    }
}

template <class CONFIG, class Y>
void accel_softmax_scale(const typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::width],
                         const typename CONFIG::inverse_t inverse[CONFIG::side], int r, Y &y) {
    const typename CONFIG::product_t top = CONFIG::hi;
    const typename CONFIG::product_t zero = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t shares[CONFIG::width];
        #pragma HLS ARRAY_PARTITION variable=shares complete
        for (int h = 0; h < CONFIG::side; h++) {
            #pragma HLS UNROLL
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                const int place = h * CONFIG::lanes + i;
                typename CONFIG::product_t product = kept[k * CONFIG::width + place] * inverse[h];
                product = accel_shift_round<CONFIG::power - CONFIG::out_bits, ACCEL_HALF_UP>(product);
                shares[place] = accel_clip(product, zero, top);
            }
        }
        CONFIG::io::write(y, r * CONFIG::beats + k, shares);
    }
}

template <class CONFIG, class X, class Y>
void accel_softmax(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=rom block factor=CONFIG::width
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t row[CONFIG::beats * CONFIG::width];
        typename CONFIG::rom_t exponentials[CONFIG::beats * CONFIG::width];
        typename CONFIG::rom_t kept[CONFIG::beats * CONFIG::width];
        typename CONFIG::in0_t largest[CONFIG::side];
        typename CONFIG::sum_t sum[CONFIG::side];
        typename CONFIG::inverse_t inverse[CONFIG::side];
        #pragma HLS ARRAY_PARTITION variable=row cyclic factor=CONFIG::width
        #pragma HLS ARRAY_PARTITION variable=exponentials cyclic factor=CONFIG::width
        #pragma HLS ARRAY_PARTITION variable=kept cyclic factor=CONFIG::width
        #pragma HLS ARRAY_PARTITION variable=largest complete
        #pragma HLS ARRAY_PARTITION variable=sum complete
        #pragma HLS ARRAY_PARTITION variable=inverse complete
        accel_exponential_max<CONFIG>(x, r, row, largest);
        accel_softmax_exp<CONFIG>(row, largest, r, rom, exponentials, sum);
        accel_softmax_divide<CONFIG>(exponentials, sum, kept, inverse);
        accel_softmax_scale<CONFIG>(kept, inverse, r, y);
    }
}

template <class CONFIG, class X, class Y>
void accel_softmax_pipelined(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=rom block factor=CONFIG::width
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t row[CONFIG::width];
        typename CONFIG::rom_t exponentials[CONFIG::width];
        typename CONFIG::rom_t kept[CONFIG::width];
        typename CONFIG::in0_t largest[CONFIG::side];
        typename CONFIG::sum_t sum[CONFIG::side];
        typename CONFIG::inverse_t inverse[CONFIG::side];
        #pragma HLS ARRAY_PARTITION variable=row complete
        #pragma HLS ARRAY_PARTITION variable=exponentials complete
        #pragma HLS ARRAY_PARTITION variable=kept complete
        #pragma HLS ARRAY_PARTITION variable=largest complete
        #pragma HLS ARRAY_PARTITION variable=sum complete
        #pragma HLS ARRAY_PARTITION variable=inverse complete
        accel_exponential_max<CONFIG>(x, r, row, largest);
        accel_softmax_exp<CONFIG>(row, largest, r, rom, exponentials, sum);
        accel_softmax_divide<CONFIG>(exponentials, sum, kept, inverse);
        accel_softmax_scale<CONFIG>(kept, inverse, r, y);
    }
}

} // namespace nnet

#endif
