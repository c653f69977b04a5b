#ifndef ACCEL_EXPONENTIAL_H_
#define ACCEL_EXPONENTIAL_H_
// Per row of keys, one for every query and head:
//
//   E = rom[min(max(x) − x, entries − 1)]
//
// Causal: key j ≤ query + hidden_from; other keys take no part in the maximum and have E = 0.
//
// The rows of `side` heads are worked on side by side, and side · turns = heads. A beat is `lanes` keys of each of them,
// width = side · lanes elements, with beats = keys / lanes. Every element of a beat has its own copy of the rom.
//
// accel_exponential: two processes work on successive rows, which are handed on in ping-pong arrays. II 1 for a beat:
// rows · beats cycles per sample plus the hand-over between the processes, with rows = tokens · turns.

#include "accel_io.h"

namespace nnet {

// Reads a row, and finds the largest key that counts.
template <class CONFIG, class X>
void accel_exponential_max(X &x, int r, typename CONFIG::in0_t row[CONFIG::beats * CONFIG::width],
                           typename CONFIG::in0_t largest[CONFIG::side]) {
    const int visible = r / CONFIG::turns + CONFIG::hidden_from;
    typename CONFIG::in0_t most[CONFIG::side];
    #pragma HLS ARRAY_PARTITION variable=most complete
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t beat[CONFIG::width];
        #pragma HLS ARRAY_PARTITION variable=beat complete
        CONFIG::io::read(x, r * CONFIG::beats + k, beat);
        for (int h = 0; h < CONFIG::side; h++) {
            #pragma HLS UNROLL
            typename CONFIG::in0_t best = CONFIG::least;
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                const int place = h * CONFIG::lanes + i;
                row[k * CONFIG::width + place] = beat[place];
                if (!(CONFIG::causal && k * CONFIG::lanes + i > visible) && beat[place] > best)
                    best = beat[place];
            }
            if (k == 0 || best > most[h])
                most[h] = best;
            largest[h] = most[h];
        }
    }
}

// E of one key, by the copy of the rom at `place`.
template <class CONFIG>
typename CONFIG::rom_t accel_exponential_of(const typename CONFIG::in0_t &largest, const typename CONFIG::in0_t &x,
                                            bool hidden,
                                            const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries],
                                            int place) {
    #pragma HLS INLINE
    const typename CONFIG::distance_t last = CONFIG::entries - 1;
    typename CONFIG::rom_t exponential = 0;
    if (!hidden) {
        typename CONFIG::distance_t distance = largest - x;
        if (distance > last)
            distance = last;
        exponential = rom[place * CONFIG::entries + distance.to_int()];
    }
    return exponential;
}

template <class CONFIG, class Y>
void accel_exponential_look(const typename CONFIG::in0_t row[CONFIG::beats * CONFIG::width],
                            const typename CONFIG::in0_t largest[CONFIG::side], int r,
                            const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries], Y &y) {
    const int visible = r / CONFIG::turns + CONFIG::hidden_from;
    for (int k = 0; k < CONFIG::beats; k++) {
        #pragma HLS PIPELINE II=1
        typename CONFIG::out_t exponentials[CONFIG::width];
        #pragma HLS ARRAY_PARTITION variable=exponentials complete
        for (int h = 0; h < CONFIG::side; h++) {
            #pragma HLS UNROLL
            for (int i = 0; i < CONFIG::lanes; i++) {
                #pragma HLS UNROLL
                const int place = h * CONFIG::lanes + i;
                const bool hidden = CONFIG::causal && k * CONFIG::lanes + i > visible;
                exponentials[place] =
                    accel_exponential_of<CONFIG>(largest[h], row[k * CONFIG::width + place], hidden, rom, place);
            }
        }
        CONFIG::io::write(y, r * CONFIG::beats + k, exponentials);
    }
}

template <class CONFIG, class X, class Y>
void accel_exponential(X &x, Y &y, const typename CONFIG::rom_t rom[CONFIG::width * CONFIG::entries]) {
    #pragma HLS ARRAY_PARTITION variable=rom block factor=CONFIG::width
    for (int r = 0; r < CONFIG::rows; r++) {
        #pragma HLS DATAFLOW
        typename CONFIG::in0_t row[CONFIG::beats * CONFIG::width];
        typename CONFIG::in0_t largest[CONFIG::side];
        #pragma HLS ARRAY_PARTITION variable=row cyclic factor=CONFIG::width
        #pragma HLS ARRAY_PARTITION variable=largest complete
        accel_exponential_max<CONFIG>(x, r, row, largest);
        accel_exponential_look<CONFIG>(row, largest, r, rom, y);
    }
}

} // namespace nnet

#endif
