#ifndef ACCEL_MATMUL_H_
#define ACCEL_MATMUL_H_
// The two products of attention, per head, on flat channels (head-major); d = size, Tk = keys, and G = group heads of a
// share a head of b:
//
//   scores: y[t, h·Tk + u] = Σ_c a[t, h·d + c] · b[u, (h/G)·d + c]     rows are keys, columns channels of a head
//   values: y[t, h·d + c]  = Σ_u a[t, h·Tk + u] · b[u, (h/G)·d + c]    rows are channels of a head, columns keys
//
// Two processes: b of the next sample is loaded into one half of a ping-pong memory while this sample computes from the
// other. II 1 in both: side · PE · SIMD products per cycle and tokens · turns · passes · beats cycles per sample, with
// passes = rows / PE, beats = columns / SIMD and side · turns = heads of a; loading takes keys · groups cycles, with
// groups = channels of b / channel_lanes. Several heads side by side are whole (PE = rows, SIMD = columns), so that the
// elements of a beat are neighbours. The memory gives key_lanes keys (PE or SIMD, whichever counts keys) of channel_lanes
// channels (the other, times the heads of b that side heads of a read) per cycle. Partial sums may wrap in two's
// complement; the last one fits.

#include "accel_io.h"

namespace nnet {

template <class CONFIG, class B>
void accel_matmul_load(B &b, typename CONFIG::in1_t held[CONFIG::keys][CONFIG::channels]) {
    for (int u = 0; u < CONFIG::keys; u++) {
        for (int g = 0; g < CONFIG::groups; g++) {
            #pragma HLS PIPELINE II=1
            typename CONFIG::in1_t beat[CONFIG::channel_lanes];
            #pragma HLS ARRAY_PARTITION variable=beat complete
            CONFIG::io::read(b, u * CONFIG::groups + g, beat);
            for (int i = 0; i < CONFIG::channel_lanes; i++) {
                #pragma HLS UNROLL
                held[u][g * CONFIG::channel_lanes + i] = beat[i];
            }
        }
    }
}

template <class CONFIG, class A, class Y>
void accel_matmul_compute(A &a, const typename CONFIG::in1_t held[CONFIG::keys][CONFIG::channels], Y &y) {
    typename CONFIG::in0_t row[CONFIG::beats * CONFIG::in_lanes];
    typename CONFIG::out_t sums[CONFIG::out_lanes];
    #pragma HLS ARRAY_PARTITION variable=row cyclic factor=CONFIG::in_lanes
    #pragma HLS ARRAY_PARTITION variable=sums complete
    for (int r = 0; r < CONFIG::tokens; r++) {
        for (int h = 0; h < CONFIG::turns; h++) {
            for (int pass = 0; pass < CONFIG::passes; pass++) {
                for (int k = 0; k < CONFIG::beats; k++) {
                    #pragma HLS PIPELINE II=1
                    typename CONFIG::in0_t beat[CONFIG::in_lanes];
                    #pragma HLS ARRAY_PARTITION variable=beat complete
                    if (pass == 0)
                        CONFIG::io::read(a, (r * CONFIG::turns + h) * CONFIG::beats + k, beat);
                    for (int i = 0; i < CONFIG::in_lanes; i++) {
                        #pragma HLS UNROLL
                        if (pass == 0)
                            row[k * CONFIG::in_lanes + i] = beat[i];
                        else
                            beat[i] = row[k * CONFIG::in_lanes + i];
                    }
                    for (int e = 0; e < CONFIG::side; e++) {
                        #pragma HLS UNROLL
                        for (int p = 0; p < CONFIG::pe; p++) {
                            #pragma HLS UNROLL
                            typename CONFIG::out_t part = 0;
                            for (int s = 0; s < CONFIG::simd; s++) {
                                #pragma HLS UNROLL
                                const int i = pass * CONFIG::pe + p;
                                const int j = k * CONFIG::simd + s;
                                const int key = CONFIG::scores ? i : j;
                                const int head = (h * CONFIG::side + e) / CONFIG::group;
                                const int channel = head * CONFIG::size + (CONFIG::scores ? j : i);
                                part += beat[e * CONFIG::simd + s] * held[key][channel];
                            }
                            if (k == 0)
                                sums[e * CONFIG::pe + p] = 0;
                            sums[e * CONFIG::pe + p] += part;
                        }
                    }
                    if (k == CONFIG::beats - 1)
                        CONFIG::io::write(y, (r * CONFIG::turns + h) * CONFIG::passes + pass, sums);
                }
            }
        }
    }
}

template <class CONFIG, class A, class B, class Y> void accel_matmul(A &a, B &b, Y &y) {
    #pragma HLS DATAFLOW
    typename CONFIG::in1_t held[CONFIG::keys][CONFIG::channels];
    #pragma HLS ARRAY_PARTITION variable=held cyclic factor=CONFIG::key_lanes dim=1
    #pragma HLS ARRAY_PARTITION variable=held cyclic factor=CONFIG::channel_lanes dim=2
    accel_matmul_load<CONFIG>(b, held);
    accel_matmul_compute<CONFIG>(a, held, y);
}

} // namespace nnet

#endif
