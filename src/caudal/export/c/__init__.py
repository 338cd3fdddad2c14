"""The exported step as C: source text, folder, self-test, runner, simulated chips and the check of a folder."""
