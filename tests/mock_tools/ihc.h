// The calls of Intel's HLS Compiler that a test bench makes, with the C++ in place of the RTL.
#pragma once

template <class F, class... A> void ihc_hls_enqueue_noret(F *function, A &...arguments) { function(arguments...); }

template <class R, class F, class... A> void ihc_hls_enqueue(R *result, F *function, A &&...arguments) {
    *result = function(arguments...);
}

template <class F> void ihc_hls_component_run_all(F *) {}
