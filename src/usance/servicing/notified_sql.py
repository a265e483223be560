"""The SQL of money that a bank told of and no contract takes."""

RECEIPT = """
SELECT c.receipt_id FROM bank_file f JOIN receipt c ON c.file_id = f.file_id AND c.row = 1
WHERE f.digest = $1
"""
