"""Small models of bytes at equal parameters: what liquid blocks replace in language, and what not."""
