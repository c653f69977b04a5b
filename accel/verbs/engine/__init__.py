"""Decode engines: a language model as a design that gives token after token, its check, and text from a board."""

from __future__ import annotations
