#ifndef ACCEL_IO_H_
#define ACCEL_IO_H_
// How a kernel reads and writes whole tokens, whatever carries an edge. CONFIG::io is one of the two, so every kernel
// is written once: CONFIG::io::read(x, t, row), CONFIG::io::write(y, t, row).

namespace nnet {

// io_parallel: an edge is an array of tokens · channels elements.
struct accel_arrays {
    template <int N, class X, class T> static void read(X &x, int token, T (&row)[N]) {
        #pragma HLS INLINE
        for (int i = 0; i < N; i++) {
            #pragma HLS UNROLL
            row[i] = x[token * N + i];
        }
    }

    template <int N, class Y, class T> static void write(Y &y, int token, const T (&row)[N]) {
        #pragma HLS INLINE
        for (int i = 0; i < N; i++) {
            #pragma HLS UNROLL
            y[token * N + i] = row[i];
        }
    }
};

// io_stream: one beat of an edge is one token. OUT is the type of an output beat.
template <class OUT> struct accel_streams {
    template <int N, class X, class T> static void read(X &x, int, T (&row)[N]) {
        #pragma HLS INLINE
        auto beat = x.read();
        for (int i = 0; i < N; i++) {
            #pragma HLS UNROLL
            row[i] = beat[i];
        }
    }

    template <int N, class Y, class T> static void write(Y &y, int, const T (&row)[N]) {
        #pragma HLS INLINE
        OUT beat;
        for (int i = 0; i < N; i++) {
            #pragma HLS UNROLL
            beat[i] = row[i];
        }
        y.write(beat);
    }
};

} // namespace nnet

#endif
