-- a sign-in
INSERT INTO session (hash, id, person, agent, created, used, ends) VALUES (?, ?, ?, ?, ?, ?, ?)
