"""Ed25519 signatures of records: keys, sets of public keys, what a signature covers, signing and verification."""
