"""Cases with their messages, attachments and clocks."""
