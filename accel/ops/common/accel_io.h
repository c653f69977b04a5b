#ifndef ACCEL_IO_H_
#define ACCEL_IO_H_
// How a kernel reads and writes beats, whatever carries an edge. A beat is the `lanes` neighbouring elements that a
// kernel works on in one cycle; an edge is its tokens · channels elements in order. CONFIG::io is one of the two below,
// so every kernel is written once: CONFIG::io::read(x, number, beat), CONFIG::io::write(y, number, beat).

namespace nnet {

// io_parallel: an edge is an array, cyclically partitioned by the lanes of its beats.
struct accel_arrays {
    template <int LANES, class X, class T> static void read(X &x, int number, T (&beat)[LANES]) {
        #pragma HLS INLINE
        for (int i = 0; i < LANES; i++) {
            #pragma HLS UNROLL
            beat[i] = x[number * LANES + i];
        }
    }

    template <int LANES, class Y, class T> static void write(Y &y, int number, const T (&beat)[LANES]) {
        #pragma HLS INLINE
        for (int i = 0; i < LANES; i++) {
            #pragma HLS UNROLL
            y[number * LANES + i] = beat[i];
        }
    }
};

// io_stream: an edge is a stream of beats. WORD is the type of an output beat.
template <class WORD> struct accel_streams {
    template <int LANES, class X, class T> static void read(X &x, int, T (&beat)[LANES]) {
        #pragma HLS INLINE
        auto word = x.read();
        for (int i = 0; i < LANES; i++) {
            #pragma HLS UNROLL
            beat[i] = word[i];
        }
    }

    template <int LANES, class Y, class T> static void write(Y &y, int, const T (&beat)[LANES]) {
        #pragma HLS INLINE
        WORD word;
        for (int i = 0; i < LANES; i++) {
            #pragma HLS UNROLL
            word[i] = beat[i];
        }
        y.write(word);
    }
};

} // namespace nnet

#endif
