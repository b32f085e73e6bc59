-- a one-time link
INSERT INTO invite (hash, id, party, maker, person, email, name, roles, created, ends) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
