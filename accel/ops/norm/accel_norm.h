#ifndef ACCEL_NORM_H_
#define ACCEL_NORM_H_
// Per token of n = channels, g = guard, K = power:
//
//   centred (LayerNorm): v = n·Σx² − (Σx)² + offset,  u = n·x − Σx        else (RMSNorm): v = n·Σx² + offset,  u = n·x
//   r = isqrt(v << 2g);  R = floor(2^K / max(r, 2^g));  y = clip((u·R·gamma + beta + 2^(shift − 1)) >> shift, lo, hi)
//
// gamma and beta hold one entry or one per channel.
//
// accel_norm: four processes work on successive tokens at the same time, and a token is handed on in ping-pong arrays.
// II 1 for a beat of `lanes` channels, with beats = channels / lanes; root and division find step_bits bits per cycle.
// A token every max(beats, root_bits / step_bits, inverse_bits / step_bits) cycles plus the hand-over between processes.
//
// accel_norm_pipelined, for a token in one beat: the same as one pipeline, root and division included. II 1: a token
// per cycle.

#include "accel_arith.h"
#include "accel_io.h"

namespace nnet {

template <class CONFIG, class X>
void accel_norm_stats(X &x, int t, typename CONFIG::in0_t token[CONFIG::beats * CONFIG::lanes],
                      typename CONFIG::total_t &total, typename CONFIG::radicand_t &radicand) {
    typename CONFIG::total_t sum = 0;
    typename CONFIG::radicand_t squares = 0;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, t * CONFIG::beats + k, beat);
        typename CONFIG::total_t part = 0;
        typename CONFIG::radicand_t square = 0;
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            token[k * CONFIG::lanes + i] = beat[i];
            part += beat[i];
            square += beat[i] * beat[i];
        }
        sum += part;
        squares += square;
    }
    if (!CONFIG::centred)
        sum = 0;
    squares = squares * (CONFIG::beats * CONFIG::lanes);
    squares -= sum * sum;
    squares += CONFIG::offset;
    total = sum;
    radicand = squares << (2 * CONFIG::guard);
}

// The token is handed on beside the root and the division.
template <class CONFIG>
void accel_norm_root(const typename CONFIG::in0_t token[CONFIG::beats * CONFIG::lanes],
                     typename CONFIG::radicand_t radicand,
                     typename CONFIG::in0_t kept[CONFIG::beats * CONFIG::lanes], typename CONFIG::root_t &root) {
    typename CONFIG::radicand_t x = radicand;
    typename CONFIG::root_t found = 0;
    typename CONFIG::root_rest_t rest = 0;
    for (int k = 0; k < CONFIG::root_steps; k++) {
        #pragma HLS PIPELINE II=1
        for (int i = 0; i < CONFIG::step_bits; i++) {
            #pragma HLS UNROLL
            if (k * CONFIG::step_bits + i < CONFIG::root_bits)
                accel_isqrt_step<CONFIG::root_bits>(x, found, rest);
        }
        if (k < CONFIG::beats) {
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                kept[k * CONFIG::lanes + i] = token[k * CONFIG::lanes + i];
            }
        }
    }
    typename CONFIG::root_t least = 1;
    least = least << CONFIG::guard;
    if (found < least)
        found = least;
    root = found;
}

template <class CONFIG>
void accel_norm_divide(const typename CONFIG::in0_t kept[CONFIG::beats * CONFIG::lanes],
                       typename CONFIG::root_t root,
                       typename CONFIG::in0_t held[CONFIG::beats * CONFIG::lanes],
                       typename CONFIG::inverse_t &inverse) {
    const typename CONFIG::inverse_rest_t divisor = root;
    typename CONFIG::inverse_t quotient = 0;
    typename CONFIG::inverse_rest_t rest = 1;
    rest = rest << (CONFIG::power - CONFIG::inverse_bits);
    for (int k = 0; k < CONFIG::inverse_steps; k++) {
        #pragma HLS PIPELINE II=1
        for (int i = 0; i < CONFIG::step_bits; i++) {
            #pragma HLS UNROLL
            if (k * CONFIG::step_bits + i < CONFIG::inverse_bits)
                accel_divide_step(divisor, quotient, rest);
        }
        if (k < CONFIG::beats) {
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                held[k * CONFIG::lanes + i] = kept[k * CONFIG::lanes + i];
            }
        }
    }
    inverse = quotient;
}

template <class CONFIG, class Y>
void accel_norm_scale(const typename CONFIG::in0_t held[CONFIG::beats * CONFIG::lanes],
                      typename CONFIG::total_t total, const typename CONFIG::inverse_t &inverse,
                      const typename CONFIG::gamma_t gamma[CONFIG::gammas],
                      const typename CONFIG::beta_t beta[CONFIG::betas], int t, Y &y) {
    const typename CONFIG::sum_t low = CONFIG::lo;
    const typename CONFIG::sum_t high = CONFIG::hi;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t results[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=results complete
        for (int i = 0; i < CONFIG::lanes; i++) {
            #pragma HLS UNROLL
            const int c = k * CONFIG::lanes + i;
            typename CONFIG::deviation_t deviation = held[c] * (CONFIG::beats * CONFIG::lanes);
            deviation -= total;
            typename CONFIG::product_t product = deviation * inverse;
            typename CONFIG::sum_t sum = product * gamma[CONFIG::gammas == 1 ? 0 : c];
            sum += beta[CONFIG::betas == 1 ? 0 : c];
            sum = accel_shift_round<CONFIG::shift, ACCEL_HALF_UP>(sum);
            results[i] = accel_clip(sum, low, high);
        }
        CONFIG::io::write(y, t * CONFIG::beats + k, results);
    }
}

template <class CONFIG, class X, class Y>
void accel_norm(X &x, Y &y, const typename CONFIG::gamma_t gamma[CONFIG::gammas],
                const typename CONFIG::beta_t beta[CONFIG::betas]) {
    #pragma HLS ARRAY_RESHAPE variable=gamma cyclic factor=CONFIG::gamma_lanes
    #pragma HLS ARRAY_RESHAPE variable=beta cyclic factor=CONFIG::beta_lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t token[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::in0_t kept[CONFIG::beats * CONFIG::lanes];
        typename CONFIG::in0_t held[CONFIG::beats * CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=token cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=kept cyclic factor=CONFIG::lanes
        #pragma HLS ARRAY_PARTITION variable=held cyclic factor=CONFIG::lanes
        typename CONFIG::total_t total;
        typename CONFIG::radicand_t radicand;
        typename CONFIG::root_t root;
        typename CONFIG::inverse_t inverse;
        accel_norm_stats<CONFIG>(x, t, token, total, radicand);
        accel_norm_root<CONFIG>(token, radicand, kept, root);
        accel_norm_divide<CONFIG>(kept, root, held, inverse);
        accel_norm_scale<CONFIG>(held, total, inverse, gamma, beta, t, y);
    }
}

template <class CONFIG, class X, class Y>
void accel_norm_pipelined(X &x, Y &y, const typename CONFIG::gamma_t gamma[CONFIG::gammas],
                          const typename CONFIG::beta_t beta[CONFIG::betas]) {
    #pragma HLS ARRAY_RESHAPE variable=gamma cyclic factor=CONFIG::gamma_lanes
    #pragma HLS ARRAY_RESHAPE variable=beta cyclic factor=CONFIG::beta_lanes
    for (int t = 0; t < CONFIG::tokens; t++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t token[CONFIG::lanes];
        typename CONFIG::in0_t kept[CONFIG::lanes];
        typename CONFIG::in0_t held[CONFIG::lanes];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=kept complete
        #pragma HLS ARRAY_PARTITION variable=held complete
        typename CONFIG::total_t total;
        typename CONFIG::radicand_t radicand;
        typename CONFIG::root_t root;
        typename CONFIG::inverse_t inverse;
        accel_norm_stats<CONFIG>(x, t, token, total, radicand);
        accel_norm_root<CONFIG>(token, radicand, kept, root);
        accel_norm_divide<CONFIG>(kept, root, held, inverse);
        accel_norm_scale<CONFIG>(held, total, inverse, gamma, beta, t, y);
    }
}

} // namespace nnet

#endif
