"""The decode engine: a causal graph as one shared matrix-vector unit with a program.

match      graph → `macros.MacroGraph`: what each part of the graph is for the engine; refusals that name the node
folding    the norm of an embedding as a table of all pairs of identifier and position
program    network and sizes → `isa.EngineProgram`: instructions, memory map, gaps, tape
interpreter  the definition of the instruction set, in numpy
timing     cycles of a token in closed form
text       a program as lines that can be read and compared: `program.json`
size       rows and products per row for a number of products, or for what a device has
contents   words of the memories inside the units
"""
