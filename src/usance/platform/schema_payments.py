"""What a borrower is about to pay, and what the bank says of it."""
