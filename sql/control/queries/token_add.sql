-- an API token
INSERT INTO token (id, hash, person, party, name, scopes, created, ends) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
