#pragma once
// SmartHLS' integers, on the library that hls4ml ships for Vivado: `hls::ap_int` follows the same rules.
#include <ap_int.h>

namespace hls {
template <int WIDTH> using ap_int = ::ap_int<WIDTH>;
template <int WIDTH> using ap_uint = ::ap_uint<WIDTH>;
} // namespace hls
