"""Mitigation inside a circuit: find, cut or erase what carries a sensitive attribute."""
