"""Modifiers of every vendor: their bit fields, and their names as libdrm has them."""
