"""usance: a consumer-credit platform, a pay-later line and a cash loan on one exact book."""
