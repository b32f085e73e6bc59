-- a recovery code
INSERT INTO recovery (person, hash) VALUES (?, ?)
