#pragma once
// SmartHLS' fixed-point numbers: headers name them, no kernel has any.
#include "ap_int.hpp"
#include <ap_fixed.h>

namespace hls {
template <int WIDTH, int INTEGER> using ap_fixpt = ::ap_fixed<WIDTH, INTEGER>;
template <int WIDTH, int INTEGER> using ap_ufixpt = ::ap_ufixed<WIDTH, INTEGER>;
} // namespace hls
