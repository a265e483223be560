"""The default policy documents: products with their terms, dated, each with its sources."""
