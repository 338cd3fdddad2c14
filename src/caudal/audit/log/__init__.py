"""The log of decisions: records, store, Merkle tree, checkpoints, salts and several processes."""
