#pragma once
// Functions of fixed-point numbers: no kernel calls one.
