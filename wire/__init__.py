"""The contract that agents, nodes and the centre share: messages, codec, topics, units and the hash chain."""
