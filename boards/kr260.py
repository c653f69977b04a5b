"""AMD Kria KR260 with a K26 module, for the core like the KV260."""

from dataclasses import replace

from boards import kv260

BOARD = replace(kv260.BOARD, name="kr260", title="AMD Kria KR260, Zynq UltraScale+ K26", aliases=("kria-kr260",))
