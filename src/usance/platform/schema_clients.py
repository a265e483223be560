"""Keys of machine clients, their rates, and the webhooks that they are told by."""
