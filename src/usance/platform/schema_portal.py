"""How borrowers come in: codes, devices, contacts, links, sessions."""
