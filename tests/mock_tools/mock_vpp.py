"""`v++` as far as the build uses it: compiles a C++ kernel, links kernels as the configuration says."""

from __future__ import annotations

import argparse
import configparser
import json
import re
import sys
from pathlib import Path

from mock_tcl import FAIL

CHECKPOINT = Path("link/link/vivado/vpl/prj/prj.runs/impl_1/level0_wrapper_routed.dcp")


def fail(text: str) -> None:
    """End as v++ does."""
    print(f"ERROR: [v++ 60-300] {text}")
    sys.exit(1)


def compile_kernel(args: argparse.Namespace) -> None:
    """One function of the source becomes a kernel."""
    text = Path(args.inputs[0]).read_text()
    function = re.search(rf"void {args.kernel}\((.*?)\)", text, re.DOTALL)
    if not function:
        fail(f"no function {args.kernel} in {args.inputs[0]}")
    if "IN_BYTES" in text or "OUT_BYTES" in text:
        fail("identifier IN_BYTES is undefined")
    names = [re.split(r"[\s&*]+", part.strip())[-1] for part in function[1].split(",")]
    Path(args.output).write_text(json.dumps({"kernel": args.kernel, "ports": names}))


def link(args: argparse.Namespace) -> None:
    """Every kernel of the configuration is there, every stream ends at a port, every clock belongs to an instance."""
    kernels = {}
    for name in args.inputs:
        made = json.loads(Path(name).read_text())
        kernels[made["kernel"]] = made["ports"]
    text = Path(args.config).read_text()
    lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]
    configparser.ConfigParser(strict=False, allow_no_value=True).read_string(text)
    instances = {}
    for key, value in lines:
        if key == "nk":
            kernel, _, instance = value.split(":")
            instances[instance] = kernels.get(kernel) or fail(f"no kernel {kernel}")
    for key, value in lines:
        ends = value.split(":") if key == "stream_connect" else [value.rpartition(":")[2]] if key == "freqHz" else []
        for end in ends:
            instance, _, port = end.partition(".")
            if port not in instances.get(instance, ()) and port != "ap_clk":
                fail(f"{value}: no {port} on {instance}")
    if FAIL == "exit":
        fail("[VPL 101-2] design did not meet timing")
    CHECKPOINT.parent.mkdir(parents=True)
    CHECKPOINT.write_text("routed")
    if FAIL != "bitstream":
        Path(args.output).write_bytes(b"xclbin2")


def main() -> None:
    """Compile (-c) or link (-l)."""
    parser = argparse.ArgumentParser()
    for flag in ("-c", "-l", "--save-temps"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-t", choices=["hw"], required=True)
    parser.add_argument("-k", dest="kernel")
    parser.add_argument("-o", dest="output", required=True)
    for option in ("--platform", "--config", "--temp_dir"):
        parser.add_argument(option, required=option == "--platform")
    parser.add_argument("inputs", nargs="+")
    args = parser.parse_args()
    (compile_kernel if args.c else link)(args)
