"""The Merkle tree over the audit events, and its signed checkpoints."""
