"""The documents that hold the sentences of the rules, packed with the wheel."""
