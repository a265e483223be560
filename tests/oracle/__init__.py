"""The slow oracle: what a contract owes, written from docs/product.md with Fractions and dates.

It shares no code with the kernel. `Oracle(terms).quote(document)` replays the document from
scratch and gives the whole answer, or `{"rule": ...}` for a refusal.
Map: days (calendar, weights) < terms (reading) < plan, early, term | line < view < quote;
sequences and faults make random documents, compare sets the kernel beside the oracle.
"""
