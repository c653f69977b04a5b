"""Tool flows: each turns the files of a board top into a plan of steps, and reads what the tools report."""
