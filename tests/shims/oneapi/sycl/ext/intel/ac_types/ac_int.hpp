#pragma once
#include <ac_int.h> // the same library, as hls4ml ships it for Quartus
