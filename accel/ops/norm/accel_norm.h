#ifndef ACCEL_NORM_H_
#define ACCEL_NORM_H_
// Per token of n = channels, g = guard, K = power:
//
//   centred (LayerNorm): v = n·Σx² − (Σx)² + offset,  u = n·x − Σx        else (RMSNorm): v = n·Σx² + offset,  u = n·x
//   r = isqrt(v << 2g);  R = floor(2^K / max(r, 2^g));  y = clip((u·R·gamma + beta + 2^(shift − 1)) >> shift, lo, hi)
//
// gamma and beta hold one entry or one per channel. Written for one channel per cycle and loop:
// 2·channels + root_bits + inverse_bits cycles per token plus latencies.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X, class Y>
void accel_norm(X &x, Y &y, const typename CONFIG::gamma_t gamma[CONFIG::gammas],
                const typename CONFIG::beta_t beta[CONFIG::betas]) {
    const typename CONFIG::sum_t low = CONFIG::lo;
    const typename CONFIG::sum_t high = CONFIG::hi;
    for (int t = 0; t < CONFIG::tokens; t++) {
        typename CONFIG::in0_t token[CONFIG::channels];
        typename CONFIG::out_t row[CONFIG::channels];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=row complete
        CONFIG::io::read(x, t, token);
        typename CONFIG::total_t total = 0;
        typename CONFIG::radicand_t radicand = 0;
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            total += token[c];
            radicand += token[c] * token[c];
        }
        if (!CONFIG::centred)
            total = 0;
        radicand = radicand * CONFIG::channels;
        radicand -= total * total;
        radicand += CONFIG::offset;
        radicand = radicand << (2 * CONFIG::guard);
        typename CONFIG::root_t root =
            accel_isqrt<CONFIG::root_bits, typename CONFIG::root_t, typename CONFIG::root_rest_t>(radicand);
        typename CONFIG::root_t least = 1;
        least = least << CONFIG::guard;
        if (root < least)
            root = least;
        typename CONFIG::inverse_t inverse =
            accel_divide<CONFIG::power, CONFIG::inverse_bits, typename CONFIG::inverse_t,
                         typename CONFIG::inverse_rest_t>(root);
        for (int c = 0; c < CONFIG::channels; c++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::deviation_t deviation = token[c] * CONFIG::channels;
            deviation -= total;
            typename CONFIG::product_t product = deviation * inverse;
            typename CONFIG::sum_t sum = product * gamma[CONFIG::gammas == 1 ? 0 : c];
            sum += beta[CONFIG::betas == 1 ? 0 : c];
            sum = accel_shift_round<CONFIG::shift, ACCEL_HALF_UP>(sum);
            row[c] = accel_clip(sum, low, high);
        }
        CONFIG::io::write(y, t, row);
    }
}

} // namespace nnet

#endif
