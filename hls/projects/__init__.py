"""HLS projects: from a graph and its schedule through hls4ml to C++ for a vendor's tool."""
