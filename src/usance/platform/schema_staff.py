"""What staff may do, their second factors, and whose data they looked at."""
