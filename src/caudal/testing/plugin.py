"""pytest plugin: `caudal_cells` in a conftest runs the contract, one test per cell and clause."""
