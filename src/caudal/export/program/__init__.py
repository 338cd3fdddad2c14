"""From a plan to a program in float or fixed point: ranges, lookup tables, memory and proven bounds."""
