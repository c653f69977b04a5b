"""`accel boards`: the table of all boards."""

from __future__ import annotations


def describe() -> list[dict[str, object]]:
    """Every supported board as plain data."""
    import boards
    from boards import flows

    found = []
    for name in boards.names():
        board = boards.get(name)
        flow = flows.get(board.flow)
        found.append(
            {
                "name": name,
                "title": board.title,
                "part": board.part,
                "output": "bitstream" if flow.free else f"project for {' and '.join(flow.tools)}",
                "flow": board.flow,
                "link": "serial port" if board.pins else "AXI",
                "clock_mhz": board.clock_mhz,
                **board.capacity.to_json(),
                "aliases": list(board.aliases),
            }
        )
    return found
