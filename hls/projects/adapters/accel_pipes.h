#ifndef ACCEL_PIPES_H_
#define ACCEL_PIPES_H_
// oneAPI: a pipe as an object, which kernels expect of a stream. PIPE is a sycl::ext::intel::experimental::pipe.

namespace nnet {

template <class PIPE> struct accel_pipe {
    typedef typename ExtractPipeType<PIPE>::value_type beat_t;

    beat_t read() { return PIPE::read(); }
    void write(const beat_t &beat) { PIPE::write(beat); }
};

} // namespace nnet

#endif
