"""The ledger: the append-only record of all that the centre was sent and of every act, in one Merkle tree."""
